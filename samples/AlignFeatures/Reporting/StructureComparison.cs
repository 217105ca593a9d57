using Contrastive.Evaluation;
using Contrastive.Samples.AlignFeatures.Training;

namespace Contrastive.Samples.AlignFeatures.Reporting;

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
               from comparison in Of(treated, plain)
               where comparison is not null
               select comparison];

    private static IEnumerable<StructureComparison?> Of(RunGroup<FinishedRun> treated, RunGroup<FinishedRun> plain)
    {
        yield return Compare("recall_at_1", null, run => run.RecallAt1);
        var has = treated.Runs[0].Result.Probes.Select(probe => probe.Features).ToArray();
        foreach (var (features, counterpart) in Counterparts.Where(pair => has.Contains(pair.Features)))
        {
            foreach (var figure in ProbeResult.Figures)
            {
                yield return Compare(
                    figure.Name,
                    features,
                    run => figure.Value(run.Probes.Single(probe => probe.Features == (run.Structure == Structures.None ? counterpart : features))));
            }
        }

        StructureComparison? Compare(string figure, string? features, Func<RunResult, double> value)
        {
            double[] with = [.. treated.Runs.Select(run => value(run.Result))], without = [.. plain.Runs.Select(run => value(run.Result))];
            return with.Concat(without).All(double.IsFinite)
                ? new StructureComparison(treated.Structure, treated.Loss, treated.BatchSize, figure, features, PairedDifference.Of(with, without))
                : null;
        }
    }
}
