using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The live objects a checkpoint is saved from and restored into, by name: modules (encoders, losses with state,
/// <see cref="SafeAdamW"/>, <see cref="ShuffledBatches"/>), TorchSharp's own optimisers, and random generators.
/// </summary>
public sealed class CheckpointParts
{
    private readonly Dictionary<string, CheckpointPart> _parts = [];

    internal IReadOnlyDictionary<string, CheckpointPart> All => _parts;

    /// <summary>Adds a module: its parameters and persistent buffers.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="module">On any device.</param>
    /// <returns>These parts.</returns>
    /// <exception cref="ArgumentException">The name is taken, empty, or has a slash in it.</exception>
    public CheckpointParts Module(string name, nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return Add(name, new ModulePart(module));
    }

    /// <summary>Adds one of TorchSharp's optimisers: its options, step counts and moments.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="optimizer">Over the same parameters in the same order when it is restored.</param>
    /// <returns>These parts.</returns>
    /// <exception cref="ArgumentException">The name is taken, empty, or has a slash in it.</exception>
    public CheckpointParts Optimizer(string name, OptimizerHelper optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        return Add(name, new OptimizerPart(optimizer));
    }

    /// <summary>Adds a random generator.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="generator">Restored on a device of the same kind.</param>
    /// <returns>These parts.</returns>
    /// <exception cref="ArgumentException">The name is taken, empty, or has a slash in it.</exception>
    public CheckpointParts Generator(string name, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(generator);
        return Add(name, new GeneratorPart(generator));
    }

    internal CheckpointParts Add(string name, CheckpointPart part)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (name.AsSpan().ContainsAny('/', '\\'))
            throw new ArgumentException($"the name of a part must have no slash in it but is '{name}'", nameof(name));
        return _parts.TryAdd(name, part) ? this : throw new ArgumentException($"there is a part '{name}' already", nameof(name));
    }
}
