using Contrastive.Samples.AlignFeatures.Training;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>The files of an experiment, all in one folder.</summary>
internal sealed class Outputs(string folder)
{
    public const string Checkpoint = "checkpoint.zip";

    /// <exception cref="UserError">The folder cannot be made: better known before the training than after.</exception>
    public void MakeFolder()
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"--out {folder}: {problem.Message}", problem);
        }
    }

    public string CheckpointPath => Path.Combine(folder, Checkpoint);

    public string Summary => Path.Combine(folder, "summary.json");

    public string Curves => Path.Combine(folder, "curves.png");

    public string Towers(RunKey key) => Path.Combine(folder, $"towers-{(key.Structure == Structures.None ? "" : key.Structure + "-")}{key.Loss}-b{key.BatchSize}-s{key.Seed}.safetensors");
}
