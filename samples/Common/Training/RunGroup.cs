namespace Contrastive.Samples;

/// <summary>A run that is finished.</summary>
public interface IFinishedRun
{
    RunKey Key { get; }

    RunCurves Curves { get; }
}

/// <summary>The runs of one loss and structure at one batch size, in the order of the seeds.</summary>
public sealed record RunGroup<TRun>(string Structure, string Loss, int BatchSize, IReadOnlyList<TRun> Runs)
    where TRun : IFinishedRun
{
    public string Name => Runs[0].Key.Objective;

    public string FullName => Runs[0].Key.Group;

    public CurveStyle Style => LossColors.Of(Loss, Structure);

    public Spread Over(Func<TRun, double> figure) => Spread.Of(Runs.Select(figure));

    /// <summary>The mean of a figure over the epochs, with its spread where there are several runs.</summary>
    /// <param name="name">As the legend has it.</param>
    /// <param name="figure">What is drawn.</param>
    /// <param name="opacity">Less than 1 for all but one of the groups that share a colour.</param>
    public Curve Curve(string name, Func<RunCurves, IReadOnlyList<double>> figure, double opacity = 1)
    {
        var seen = Runs.Select(run => figure(run.Curves)).ToArray();
        var spreads = Enumerable.Range(0, seen[0].Count).Select(epoch => Spread.Of(seen.Select(run => run[epoch]))).ToArray();
        return new Curve(
            name,
            [.. spreads.Select((_, epoch) => epoch + 1.0)],
            [.. spreads.Select(spread => spread.Mean)],
            Runs.Count > 1 ? [.. spreads.Select(spread => spread.StandardDeviation)] : null,
            Style with { Opacity = opacity });
    }
}

/// <summary>Sorts runs into groups.</summary>
public static class RunGroup
{
    public static IReadOnlyList<RunGroup<TRun>> Of<TRun>(IEnumerable<TRun> runs)
        where TRun : IFinishedRun
        => [.. runs.GroupBy(run => (run.Key.BatchSize, run.Key.Loss, run.Key.Structure))
            .Select(group => new RunGroup<TRun>(group.Key.Structure, group.Key.Loss, group.Key.BatchSize, [.. group]))];
}
