using Contrastive.Samples.AlignFeatures.Training;

namespace Contrastive.Samples.AlignFeatures.Reporting;

/// <summary>A figure that the data of some seeds do not give. It is a dash in tables, and compared with nothing.</summary>
/// <param name="Figure">By its name in the summary.</param>
/// <param name="Seeds">Those without it.</param>
/// <param name="Why">What is missing.</param>
public sealed record NotMeasured(string Figure, IReadOnlyList<long> Seeds, string Why)
{
    public static IReadOnlyList<NotMeasured> In(IReadOnlyList<FinishedRun> runs)
        => [.. from figure in ProbeResult.Figures
               let seeds = (from run in runs
                            where run.Result.Probes.Any(probe => double.IsNaN(figure.Value(probe)))
                            select run.Key.Seed).Distinct().Order().ToArray()
               where seeds.Length > 0
               select new NotMeasured(figure.Name, seeds, figure.WhyNot)];

    public override string ToString() => $"-: {Figure} was not measured: with seed {string.Join(", ", Seeds)} {Why}";
}
