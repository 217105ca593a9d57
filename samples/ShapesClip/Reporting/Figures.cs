namespace Contrastive.Samples.ShapesClip;

/// <summary>The figures of a run, by their names in tables.</summary>
internal static class Figures
{
    public static IReadOnlyList<Figure<RunResult>> ZeroShot { get; } =
    [
        new("shape", run => run.Shape.Top1),
        new("colour", run => run.Colour.Top1),
        new("seen", run => run.Seen.Top1),
        new("held-out", run => run.HeldOut.Top1),
        new("held-out top 5", run => run.HeldOut.Top5),
    ];

    public static IReadOnlyList<Figure<RunResult>> Retrieval { get; } =
    [
        new("R@1", run => run.Retrieval.RecallAt1),
        new("R@5", run => run.Retrieval.RecallAt5),
        new("rank", run => run.Retrieval.MeanRank, 1),
        new("held-out R@1", run => run.HeldOutRetrieval.RecallAt1),
    ];

    public static IReadOnlyList<Figure<RunResult>> Geometry { get; } =
    [
        new("gap", run => run.Retrieval.ModalityGap),
        new("align", run => run.Retrieval.Alignment),
        new("uniform", run => run.Retrieval.Uniformity, 2),
    ];

    public static IReadOnlyList<Figure<RunResult>> Main { get; } = [.. ZeroShot, .. Retrieval, .. Geometry];

    /// <summary>Those that say how good a run is, in few columns.</summary>
    public static IReadOnlyList<Figure<RunResult>> Short { get; } = [.. Main.Where(figure => figure.Name is "seen" or "held-out" or "R@1" or "held-out R@1")];

    /// <summary>Linear probes of an attribute, on all labels.</summary>
    public static Figure<RunResult> Probe(AttributeKind kind, string features)
        => new($"{kind.Name} from {features}", run => run.Probe(kind, features).Linear);

    /// <summary>The same on a few labels.</summary>
    public static Figure<RunResult> FewShot(AttributeKind kind, string features)
        => new($"{kind.Name} from {features}, few", run => run.Probe(kind, features).FewShot);

    /// <summary>Every figure that another group has as well. Shared features compare with all features of a run that has no others.</summary>
    public static IReadOnlyList<Figure<RunResult>> For(RunGroup<RunResult> runs)
        => [.. Main, .. from kind in Attributes.All
                        from features in runs.Runs[0].Probes.Select(probe => probe.Features).Distinct()
                        from figure in new[] { Probe(kind, features), FewShot(kind, features) }
                        select figure];
}
