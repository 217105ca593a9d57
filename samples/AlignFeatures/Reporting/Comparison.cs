using Contrastive.Evaluation;
using Contrastive.Samples.AlignFeatures.Training;

namespace Contrastive.Samples.AlignFeatures.Reporting;

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
               select new Comparison(
                   treated.Structure,
                   treated.Loss,
                   treated.BatchSize,
                   baseline.Loss,
                   baseline.BatchSize,
                   PairedDifference.Of(Recall(treated), Recall(baseline)))];

    // Runs come in the order of the seeds, the same in every group.
    private static double[] Recall(RunGroup<FinishedRun> group) => [.. group.Runs.Select(run => run.Result.RecallAt1)];
}
