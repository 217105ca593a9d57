using Contrastive.Samples.ShapesClip.Training;

namespace Contrastive.Samples.ShapesClip;

/// <summary>The files of an experiment, all in one folder.</summary>
internal sealed class Outputs(string folder)
{
    public const string ModelFolder = "models";

    public string Folder => folder;

    public string Summary => Path.Combine(folder, "summary.json");

    public string Curves => Path.Combine(folder, "curves.png");

    public string BatchSizes => Path.Combine(folder, "batch-size.png");

    public string Examples => Path.Combine(folder, "examples.png");

    public string Planes => Path.Combine(folder, "planes.png");

    public string Bridges => Path.Combine(folder, "bridges.png");

    public string Run(RunKey key) => Path.Combine(folder, "runs", $"{key.FileName}.json");

    /// <summary>A folder with a run's trained towers: <see cref="Models.SavedModel"/>.</summary>
    public string Model(RunKey key) => Path.Combine(folder, ModelFolder, key.FileName);

    public string Checkpoint(RunKey key) => Path.Combine(folder, "runs", $"{key.FileName}.checkpoint");

    /// <exception cref="UserError">The folder cannot be made: better known before the training than after.</exception>
    public void MakeFolder()
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "runs"));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"--out {folder}: {problem.Message}", problem);
        }
    }
}
