using static TorchSharp.torch;

namespace Contrastive;

/// <summary>A module, as safetensors.</summary>
internal sealed class ModulePart(nn.Module module) : CheckpointPart
{
    public override string Layout
        => "module: " + string.Join("; ", module.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => $"{t.Key} {Describe(t.Value)}"));

    public override void Save(Stream stream)
    {
        var tensors = ModuleTensors.Of(module);
        SafetensorsWriter.Check(tensors, nameof(module));
        SafetensorsWriter.Write(stream, tensors, new Dictionary<string, string>());
    }

    public override StagedPart Stage(Stream stream, long length)
    {
        var tensors = ModuleTensors.Of(module);
        var reader = SafetensorsReader.Open(stream, length);
        ModuleTensors.Check(reader.Header, tensors, strict: true);
        return new Staged(reader.ReadAll(), tensors);
    }

    private sealed class Staged(Dictionary<string, Tensor> read, Dictionary<string, Tensor> tensors) : StagedPart
    {
        public override bool CanFail => false;

        public override void Commit() => ModuleTensors.Copy(read, tensors);

        public override void Dispose()
        {
            base.Dispose();
            foreach (var tensor in read.Values)
                tensor.Dispose();
        }
    }
}
