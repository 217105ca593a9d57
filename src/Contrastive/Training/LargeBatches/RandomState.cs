using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

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
