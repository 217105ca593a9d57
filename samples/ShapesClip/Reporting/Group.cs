namespace Contrastive.Samples.ShapesClip.Reporting;

/// <summary>The runs of one loss and structure at one batch size, in the order of the seeds.</summary>
internal sealed record Group(string Structure, string Loss, int BatchSize, IReadOnlyList<RunResult> Runs)
{
    public string Name => Structure == Structures.None ? Loss : $"{Loss} + {Structure}";

    public string FullName => $"{Name} B={BatchSize}";

    public static IReadOnlyList<Group> Of(IEnumerable<RunResult> runs)
        => [.. runs.GroupBy(run => (run.BatchSize, run.Loss, run.Structure))
            .Select(group => new Group(group.Key.Structure, group.Key.Loss, group.Key.BatchSize, [.. group]))];

    public Spread Over(Func<RunResult, double> figure) => Spread.Of(Runs.Select(figure));
}
