using static TorchSharp.torch;

namespace Contrastive;

/// <summary>A random generator.</summary>
internal sealed class GeneratorPart(Generator generator) : CheckpointPart
{
    public override string Layout => $"generator: {generator.device.type}";

    public override void Save(Stream stream) => stream.Write(Save());

    public override StagedPart Stage(Stream stream, long length) => new StagedBytes(StagedBytes.Read(stream), Save, Load);

    private byte[] Save()
    {
        using var state = generator.get_state();
        return state.bytes.ToArray();
    }

    private void Load(byte[] saved)
    {
        using var state = tensor(saved, ScalarType.Byte);
        generator.set_state(state);
    }
}
