using Contrastive.Evaluation;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>Recall@1 of one group against another's, seed by seed.</summary>
public sealed record Comparison(
    string Structure, string Loss, int BatchSize, string Against, int AgainstBatchSize, PairedDifference RecallAt1)
{
    /// <summary>
    /// With the same structure: every other loss against the baseline at its own batch size, then at each other one, then the
    /// baseline's own batch sizes.
    /// </summary>
    public static IReadOnlyList<Comparison> All(IReadOnlyList<RunGroup<FinishedRun>> groups)
        => [.. from baseline in groups
               where baseline.Loss == Losses.Baseline
               from treated in groups
               where treated.Structure == baseline.Structure
                   && (treated.Loss != Losses.Baseline || treated.BatchSize > baseline.BatchSize)
               orderby treated.Loss == Losses.Baseline, treated.BatchSize != baseline.BatchSize
               let difference = treated.Against(baseline, run => run.Result.RecallAt1)
               select new Comparison(treated.Structure, treated.Loss, treated.BatchSize, baseline.Loss, baseline.BatchSize, difference)];
}

/// <summary>
/// What a structure changes in one figure against the same loss without any, seed by seed. A figure that could not be measured
/// with every seed is skipped: <see cref="NotMeasured"/>.
/// </summary>
public sealed record StructureComparison(
    string Structure, string Loss, int BatchSize, string Figure, string? Features, PairedDifference Difference)
{
    // The features of a run with a structure, and what they are compared with in one without. "Both" may have independent
    // features in it and then be wider; "shared" is as wide as its counterpart.
    private static readonly (string Features, string Counterpart)[] Counterparts =
        [("first", "first"), ("second", "second"), ("shared", "both"), ("both", "both"), ("first all", "first"), ("second all", "second")];

    public static IReadOnlyList<StructureComparison> All(IReadOnlyList<RunGroup<FinishedRun>> groups)
        => [.. from plain in groups
               where plain.Structure == Structures.None
               from treated in groups
               where treated.Structure != Structures.None && treated.Loss == plain.Loss && treated.BatchSize == plain.BatchSize
               from figure in Figures(treated.Runs[0].Result)
               where treated.Runs.Concat(plain.Runs).All(run => double.IsFinite(figure.Value(run)))
               select new StructureComparison(
                   treated.Structure, treated.Loss, treated.BatchSize, figure.Name, figure.Features, treated.Against(plain, figure.Value))];

    /// <summary>Of a run with a structure, and of one without.</summary>
    private static IEnumerable<(string Name, string? Features, Func<FinishedRun, double> Value)> Figures(RunResult treated)
    {
        yield return ("recall_at_1", null, run => run.Result.RecallAt1);
        foreach (var (features, counterpart) in Counterparts.Where(pair => treated.Probes.Any(probe => probe.Features == pair.Features)))
        {
            foreach (var (name, value, _) in ProbeResult.Figures)
                yield return (name, features, run => value(run.Result.Probes.Single(probe => probe.Features == Of(run, features, counterpart))));
        }

        static string Of(FinishedRun run, string features, string counterpart) => run.Result.Structure == Structures.None ? counterpart : features;
    }
}
