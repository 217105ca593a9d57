using static TorchSharp.torch;

namespace Contrastive;

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
