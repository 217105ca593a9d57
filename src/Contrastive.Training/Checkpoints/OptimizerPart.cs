using System.Text;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>
/// One of TorchSharp's optimisers, in TorchSharp's own bytes. Those tell parameters by their position, so the layout has the
/// names that they have in the modules of the same checkpoint.
/// </summary>
internal sealed class OptimizerPart(OptimizerHelper optimizer, CheckpointParts parts) : CheckpointPart
{
    public override string Layout
    {
        get
        {
            var names = new Dictionary<Parameter, string>(ReferenceEqualityComparer.Instance);
            foreach (var (part, module) in parts.Modules)
            {
                foreach (var (name, parameter) in module.named_parameters())
                    names.TryAdd(parameter, $"{part}.{name}");
            }

            return $"{optimizer.GetType().Name}: " + string.Join("; ", optimizer.parameters().Select((parameter, i) => Named(names, parameter, i, nameof(parts))));
        }
    }

    public override Action<Stream> Writer()
    {
        foreach (var (i, parameter) in optimizer.parameters().Index())
        {
            if (parameter.numel() * parameter.ElementSize > Array.MaxLength)
                throw new ArgumentException(
                    $"parameters[{i}] of a {optimizer.GetType().Name} is {Describe(parameter)}, and TorchSharp cannot read state of more than {Array.MaxLength} bytes: use {nameof(SafeAdamW)}",
                    nameof(optimizer));
        }

        return Save;
    }

    public override StagedPart Stage(Stream stream, long length) => new StagedBytes(stream, Save, Load);

    private void Save(Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        optimizer.save_state_dict(writer);
    }

    private void Load(Stream stream)
    {
        using var reader = Reader(stream);
        using var constant = no_grad();
        optimizer.load_state_dict(reader);
    }

    /// <summary>TorchSharp's own optimisers have state of their parameters' shapes; others' may be anything, read in any way.</summary>
    private BinaryReader Reader(Stream stream)
        => optimizer.GetType().Assembly == typeof(OptimizerHelper).Assembly
            ? new OptimizerStateReader(stream, optimizer.parameters())
            : new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);

    private static string Named(Dictionary<Parameter, string> names, Parameter parameter, int index, string argument)
        => names.TryGetValue(parameter, out var name)
            ? $"{name} {Describe(parameter)}"
            : throw new ArgumentException(
                $"parameters[{index}] of an optimiser is in no module of the checkpoint, which gives it its name: add its module; and if it was moved, make the optimiser afterwards",
                argument);
}
