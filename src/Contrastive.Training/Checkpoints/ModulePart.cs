using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>A module, as safetensors.</summary>
internal sealed class ModulePart(nn.Module module) : CheckpointPart
{
    public nn.Module Module => module;

    public override string Layout
        => "module: " + string.Join("; ", module.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => $"{t.Key} {Describe(t.Value)}"));

    public override Action<Stream> Writer()
        => new SafetensorsWriter(ModuleTensors.Of(module), new Dictionary<string, string>(), nameof(module)).Write;

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
