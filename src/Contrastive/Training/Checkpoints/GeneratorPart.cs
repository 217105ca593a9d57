using static TorchSharp.torch;

namespace Contrastive;

/// <summary>A random generator.</summary>
internal sealed class GeneratorPart(Generator generator) : CheckpointPart
{
    public override string Layout => $"generator: {generator.device.type}";

    public override Action<Stream> Writer() => Save;

    public override StagedPart Stage(Stream stream, long length) => new StagedBytes(stream, Save, Load);

    private void Save(Stream stream)
    {
        using var state = generator.get_state();
        TensorBytes.Write(state, stream);
    }

    private void Load(Stream stream)
    {
        // As many bytes as it has now: the state of a kind of generator has one size.
        using var now = generator.get_state();
        using var state = TensorBytes.Read(stream, ScalarType.Byte, now.shape);
        if (stream.ReadByte() >= 0)
            throw new InvalidDataException($"the state of a generator has more than {now.numel()} bytes");
        generator.set_state(state);
    }
}
