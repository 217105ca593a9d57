namespace Contrastive.Samples.ImageSearch.Training;

/// <summary>
/// The best step size on a ladder of doubles and halves, climbed from the rule's towards what is better for as long as it is. So no
/// loss is compared at the end of a range that suits another one.
/// </summary>
internal static class StepSizeChoice
{
    /// <summary>The start, and one that is no better on either side or a second one upwards.</summary>
    public const int Fewest = 3;

    // Further from the rule than this something else is wrong.
    private const int Furthest = 4;

    /// <param name="start">Where to begin.</param>
    /// <param name="score">Of a step size, more is better; null where it is not known.</param>
    /// <returns>The best; null where a score was needed that is not known.</returns>
    public static double? Of(double start, Func<double, double?> score)
    {
        if (score(start) is not { } first)
            return null;
        var (rate, best) = (start, first);
        foreach (var factor in new[] { 2, 0.5 })
        {
            for (var rung = 0; rung < Furthest; rung++)
            {
                if (score(rate * factor) is not { } next)
                    return null;
                if (next <= best)
                    break;
                (rate, best) = (rate * factor, next);
            }

            // Larger ones were better: smaller ones than the start need no look.
            if (rate > start)
                break;
        }

        return rate;
    }
}
