namespace Contrastive.Samples.ShapesClip;

/// <summary>The files of an experiment, all in one folder.</summary>
internal sealed class Outputs(string folder)
{
    public const string RunFolder = "runs";

    public string Folder => folder;

    public string Summary => Path.Combine(folder, "summary.json");

    public string Curves => Path.Combine(folder, "curves.png");

    public string BatchSizes => Path.Combine(folder, "batch-size.png");

    public string Examples => Path.Combine(folder, "examples.png");

    public string Planes => Path.Combine(folder, "planes.png");

    public string Confusions => Path.Combine(folder, "confusions.png");

    public string Bridges => Path.Combine(folder, "bridges.png");

    public string Run(RunKey key) => Path.Combine(folder, RunFolder, $"{key.FileName}.json");

    /// <summary>A folder with a run's trained towers: <see cref="Models.SavedModel"/>.</summary>
    public string Model(RunKey key) => Path.Combine(folder, ModelFolder.Models, key.FileName);

    public string Checkpoint(RunKey key) => Path.Combine(folder, RunFolder, $"{key.FileName}.checkpoint");
}
