using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>
/// The live objects a checkpoint is saved from and restored into, by name: modules (towers, losses with state),
/// optimisers with their step counts and moments, and random generators.
/// </summary>
public sealed class CheckpointParts
{
    private readonly Dictionary<string, CheckpointPart> _parts = [];

    internal IReadOnlyDictionary<string, CheckpointPart> All => _parts;

    public CheckpointParts Module(string name, nn.Module module) => Add(name, new ModulePart(module));

    public CheckpointParts Optimizer(string name, OptimizerHelper optimizer) => Add(name, new OptimizerPart(optimizer));

    public CheckpointParts Generator(string name, Generator generator) => Add(name, new GeneratorPart(generator));

    private CheckpointParts Add(string name, CheckpointPart part)
    {
        _parts.Add(name, part);
        return this;
    }
}

/// <summary>One object of a checkpoint: what it looks like, and how it is written and read.</summary>
internal abstract class CheckpointPart
{
    /// <summary>Kind, names, types and shapes. A saved part is only read into an object of the same layout.</summary>
    public abstract string Layout { get; }

    public abstract byte[] Save();

    public abstract void Load(byte[] saved);

    protected static string Describe(Tensor tensor) => $"{tensor.dtype}({string.Join(',', tensor.shape)})";
}

internal sealed class ModulePart(nn.Module module) : CheckpointPart
{
    public override string Layout
        => "module: " + string.Join("; ", module.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => $"{t.Key} {Describe(t.Value)}"));

    public override byte[] Save()
    {
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true))
            module.save(writer);
        return stream.ToArray();
    }

    public override void Load(byte[] saved)
    {
        using var reader = new BinaryReader(new MemoryStream(saved));
        using var noGrad = no_grad();
        module.load(reader, strict: true);
    }
}

internal sealed class OptimizerPart(OptimizerHelper optimizer) : CheckpointPart
{
    public override string Layout => $"{optimizer.GetType().Name}: " + string.Join("; ", optimizer.parameters().Select(Describe));

    public override byte[] Save()
    {
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true))
            optimizer.save_state_dict(writer);
        return stream.ToArray();
    }

    public override void Load(byte[] saved)
    {
        using var reader = new BinaryReader(new MemoryStream(saved));
        using var noGrad = no_grad();
        optimizer.load_state_dict(reader);
    }
}

internal sealed class GeneratorPart(Generator generator) : CheckpointPart
{
    public override string Layout => $"generator: {generator.device.type}";

    public override byte[] Save()
    {
        using var state = generator.get_state();
        return state.bytes.ToArray();
    }

    public override void Load(byte[] saved)
    {
        using var state = tensor(saved, ScalarType.Byte);
        generator.set_state(state);
    }
}
