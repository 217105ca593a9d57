using System.Globalization;
using Contrastive.Training;

namespace Contrastive.Samples;

/// <summary>The option that says how often a checkpoint is written.</summary>
public static class CheckpointOption
{
    /// <summary>Reads it: <c>500</c> is steps, <c>30s</c> and <c>5m</c> are times.</summary>
    /// <exception cref="UserError">It is none of these.</exception>
    public static CheckpointInterval Parse(string option, string text)
    {
        var unit = text.Length > 0 ? text[^1] : ' ';
        var number = unit is 's' or 'm' ? text[..^1] : text;
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count < 1)
            throw new UserError($"{option}: '{text}' is neither a number of steps, such as 500, nor a time, such as 30s or 5m");
        return unit switch
        {
            's' => CheckpointInterval.Every(TimeSpan.FromSeconds(count)),
            'm' => CheckpointInterval.Every(TimeSpan.FromMinutes(count)),
            _ => CheckpointInterval.EverySteps(count),
        };
    }
}

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
