using Contrastive.Samples.GradientBias.Training;

namespace Contrastive.Samples.GradientBias.Reporting;

/// <summary>The final L*/L of all runs of a loss at a noise level, as the summary has them.</summary>
internal sealed record RunsResult(string Loss, double Noise, IReadOnlyList<double> Runs)
{
    public static IReadOnlyList<RunsResult> Of(IEnumerable<RunCurve> curves) =>
    [
        .. from curve in curves
           group curve.Final by (curve.Key.Noise, curve.Key.Loss) into runs
           orderby runs.Key.Noise, ComparedLosses.Names.ToList().IndexOf(runs.Key.Loss)
           select new RunsResult(runs.Key.Loss, runs.Key.Noise, [.. runs]),
    ];
}
