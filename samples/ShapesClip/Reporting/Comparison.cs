using Contrastive.Evaluation;

namespace Contrastive.Samples.ShapesClip.Reporting;

/// <summary>One group of runs against another, figure by figure, paired by seed.</summary>
public sealed record Comparison(string Treated, string Against, IReadOnlyDictionary<string, PairedDifference> Figures)
{
    /// <summary>
    /// Every other loss against the baseline at its own batch size and at twice that; every structure against none, and the
    /// baseline against itself at twice the batch size.
    /// </summary>
    internal static IReadOnlyList<Comparison> All(IReadOnlyList<RunGroup<RunResult>> groups)
        => [.. from against in groups
               from treated in groups
               where (treated.Structure == against.Structure && against.Loss == Losses.Baseline && Sizes(treated, against))
                   || (against.Structure == Structures.None && treated.Structure != Structures.None
                       && treated.Loss == against.Loss && treated.BatchSize == against.BatchSize)
               orderby treated.BatchSize, treated.Loss == Losses.Baseline, against.BatchSize
               select Of(treated, against)];

    private static bool Sizes(RunGroup<RunResult> treated, RunGroup<RunResult> against)
        => treated != against && (against.BatchSize == 2 * treated.BatchSize || (treated.Loss != Losses.Baseline && against.BatchSize == treated.BatchSize));

    private static Comparison Of(RunGroup<RunResult> treated, RunGroup<RunResult> against) => new(
        treated.FullName,
        against.FullName,
        Figure.For(treated).ToDictionary(figure => figure.Name, figure => PairedDifference.Of(
            [.. treated.Runs.Select(figure.Value)], [.. against.Runs.Select(figure.Value)])));
}
