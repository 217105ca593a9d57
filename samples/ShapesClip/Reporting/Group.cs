namespace Contrastive.Samples.ShapesClip.Reporting;

/// <summary>The runs of one loss and structure at one batch size, in the order of the seeds.</summary>
internal sealed record Group(string Structure, string Loss, int BatchSize, IReadOnlyList<RunResult> Runs)
{
    public string Name => Structure == Structures.None ? Loss : $"{Loss} + {Structure}";

    public static IReadOnlyList<Group> Of(IEnumerable<RunResult> runs)
        => [.. runs.GroupBy(run => (run.BatchSize, run.Loss, run.Structure))
            .Select(group => new Group(group.Key.Structure, group.Key.Loss, group.Key.BatchSize, [.. group]))];

    public Spread Over(Func<RunResult, double> figure) => Spread.Of(Runs.Select(figure));
}

/// <summary>A figure of a run, by its name in tables.</summary>
internal sealed record Figure(string Name, Func<RunResult, double> Value, int Digits = 3)
{
    public static IReadOnlyList<Figure> Main { get; } =
    [
        new("shape", run => run.Shape.Top1),
        new("colour", run => run.Colour.Top1),
        new("seen", run => run.Seen.Top1),
        new("held-out", run => run.HeldOut.Top1),
        new("held-out top 5", run => run.HeldOut.Top5),
        new("R@1", run => run.Retrieval.RecallAt1),
        new("R@5", run => run.Retrieval.RecallAt5),
        new("rank", run => run.Retrieval.MeanRank, 1),
        new("held-out R@1", run => run.HeldOutRetrieval.RecallAt1),
        new("gap", run => run.ModalityGap),
        new("align", run => run.Alignment),
        new("uniform", run => run.Uniformity, 2),
    ];
}
