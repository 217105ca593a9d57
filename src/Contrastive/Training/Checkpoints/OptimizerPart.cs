using System.Text;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>One of TorchSharp's optimisers, in TorchSharp's own bytes.</summary>
internal sealed class OptimizerPart(OptimizerHelper optimizer) : CheckpointPart
{
    public override string Layout => $"{optimizer.GetType().Name}: " + string.Join("; ", optimizer.parameters().Select(Describe));

    public override void Save(Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        optimizer.save_state_dict(writer);
    }

    public override StagedPart Stage(Stream stream, long length) => new StagedBytes(StagedBytes.Read(stream), Save, Load);

    private byte[] Save()
    {
        using var stream = new MemoryStream();
        Save(stream);
        return stream.ToArray();
    }

    private void Load(byte[] saved)
    {
        using var reader = new BinaryReader(new MemoryStream(saved));
        using var constant = no_grad();
        optimizer.load_state_dict(reader);
    }
}
