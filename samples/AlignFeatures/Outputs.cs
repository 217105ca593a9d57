namespace Contrastive.Samples.AlignFeatures;

/// <summary>The files of an experiment, all in one folder.</summary>
internal sealed class Outputs(string folder)
{
    public const string Checkpoint = "checkpoint.zip";

    public string Folder => folder;

    public string CheckpointPath => Path.Combine(folder, Checkpoint);

    public string Summary => Path.Combine(folder, "summary.json");

    public string Curves => Path.Combine(folder, "curves.png");

    public string Towers(RunKey key) => Path.Combine(folder, $"towers-{key.FileName}.safetensors");
}
