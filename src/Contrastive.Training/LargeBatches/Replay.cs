using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>A point in the streams of random numbers that encoders draw from, to come back to.</summary>
/// <remarks>
/// The state of torch's generator of a CUDA device can be neither read nor set from TorchSharp, only seeded. So where encoders are
/// on such a device, a point is made instead of found: the device is seeded with a number drawn from the CPU's generator.
/// </remarks>
internal sealed class RandomState
{
    private readonly Tensor _global;
    private readonly (Generator Generator, Tensor State)[] _others;
    private readonly long? _deviceSeed;

    private RandomState(IReadOnlyList<Generator> generators, bool onCuda)
    {
        if (onCuda)
        {
            using var seed = randint(0, long.MaxValue, [1], dtype: ScalarType.Int64);
            _deviceSeed = seed.item<long>();
            cuda.manual_seed_all(_deviceSeed.Value);
        }
        _global = torch.random.get_rng_state();
        _others = [.. generators.Select(generator => (generator, generator.get_state()))];
    }

    /// <summary>Where the streams are now: torch's own and the caller's. Its tensors belong to the surrounding dispose scope.</summary>
    public static RandomState Record(IReadOnlyList<Generator> generators, bool onCuda) => new(generators, onCuda);

    public void Restore()
    {
        torch.random.set_rng_state(_global);
        foreach (var (generator, state) in _others) generator.set_state(state);
        if (_deviceSeed is { } seed) cuda.manual_seed_all(seed);
    }
}

/// <summary>Copies of the buffers of modules, such as the running statistics of batch normalisation, to come back to.</summary>
internal sealed class ModuleBuffers
{
    private readonly IReadOnlyList<nn.Module> _modules;
    private readonly Tensor[] _copies;

    private ModuleBuffers(IReadOnlyList<nn.Module> modules)
    {
        _modules = modules;
        using var constant = no_grad();
        _copies = [.. Buffers.Select(buffer => buffer.detach().clone())];
    }

    /// <summary>The buffers as they are now. The copies belong to the surrounding dispose scope.</summary>
    public static ModuleBuffers Record(IReadOnlyList<nn.Module> modules) => new(modules);

    public void Restore()
    {
        using var constant = no_grad();
        // Asked for again: a module may have put another tensor in a buffer's place.
        foreach (var (buffer, copy) in Buffers.Zip(_copies)) buffer.copy_(copy);
    }

    private IEnumerable<Tensor> Buffers => _modules.SelectMany(module => module.buffers()).Where(buffer => buffer is not null);
}
