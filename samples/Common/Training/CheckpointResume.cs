using Contrastive.Training;

namespace Contrastive.Samples;

/// <summary>Going on from what an experiment left in its output folder when it was stopped.</summary>
public static class CheckpointResume
{
    /// <summary>Opens a checkpoint and takes up what it holds.</summary>
    /// <exception cref="UserError">It is damaged, or of another version or of other towers.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static void From(string checkpoint, Action<CheckpointFile> take)
    {
        try
        {
            take(CheckpointFile.Open(checkpoint));
        }
        catch (InvalidDataException problem)
        {
            throw new UserError($"{problem.Message}; remove it or choose another --out", problem);
        }
    }
}
