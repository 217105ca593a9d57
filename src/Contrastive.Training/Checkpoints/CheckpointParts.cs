using System.Text;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>
/// The live objects a checkpoint is saved from and restored into, by name: modules (encoders, losses with state,
/// <see cref="SafeAdamW"/>, <see cref="ShuffledBatches"/>), TorchSharp's own optimisers, and random generators.
/// </summary>
public sealed class CheckpointParts
{
    /// <summary>More than anybody wants, and it fits into a zip with the folder before it.</summary>
    private const int LongestName = 1 << 15;

    private readonly Dictionary<string, CheckpointPart> _parts = [];

    internal IReadOnlyDictionary<string, CheckpointPart> All => _parts;

    internal IEnumerable<(string Part, nn.Module Module)> Modules
        => _parts.Where(part => part.Value is ModulePart).Select(part => (part.Key, ((ModulePart)part.Value).Module));

    /// <summary>Adds a module: its parameters and persistent buffers.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="module">On any device.</param>
    /// <returns>These parts.</returns>
    /// <exception cref="ArgumentException">The name is taken, empty, too long, or has a slash or half of a surrogate pair in it.</exception>
    public CheckpointParts Module(string name, nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return Add(name, new ModulePart(module));
    }

    /// <summary>Adds one of TorchSharp's optimisers: its options, step counts and moments.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="optimizer">
    /// Of parameters of modules that are parts as well, by whose names it is restored: the same ones in the same order.
    /// </param>
    /// <returns>These parts.</returns>
    /// <exception cref="ArgumentException">The name is taken, empty, too long, or has a slash or half of a surrogate pair in it.</exception>
    public CheckpointParts Optimizer(string name, OptimizerHelper optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        return Add(name, new OptimizerPart(optimizer, this));
    }

    /// <summary>Adds a random generator.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="generator">Restored on a device of the same kind.</param>
    /// <returns>These parts.</returns>
    /// <exception cref="ArgumentException">The name is taken, empty, too long, or has a slash or half of a surrogate pair in it.</exception>
    public CheckpointParts Generator(string name, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(generator);
        return Add(name, new GeneratorPart(generator));
    }

    internal CheckpointParts Add(string name, CheckpointPart part)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        UnicodeText.Check(name, "the name of a part", nameof(name));
        if (Encoding.UTF8.GetByteCount(name) > LongestName)
            throw new ArgumentException($"the name of a part must have at most {LongestName} bytes but has {Encoding.UTF8.GetByteCount(name)}", nameof(name));
        if (name.AsSpan().ContainsAny('/', '\\'))
            throw new ArgumentException($"the name of a part must have no slash in it but is '{name}'", nameof(name));
        return _parts.TryAdd(name, part) ? this : throw new ArgumentException($"there is a part '{name}' already", nameof(name));
    }
}
