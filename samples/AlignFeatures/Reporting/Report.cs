namespace Contrastive.Samples.AlignFeatures;

/// <summary>The finished experiment on the console and in the folder.</summary>
internal static class Report
{
    private const string Map = "map";

    private static readonly IReadOnlyList<(string Name, Figure<FinishedRun> Figure)> Figures =
    [
        ("recall_at_1", new("R@1", run => run.Result.RecallAt1)),
        ("recall_at_5", new("R@5", run => run.Result.RecallAt5)),
        ("recall_at_10", new("R@10", run => run.Result.RecallAt10)),
        ("mrr", new("MRR", run => run.Result.Mrr)),
        (Map, new("mAP", run => run.Result.Map!.Value)),
        ("modality_gap", new("gap", run => run.Result.ModalityGap)),
        ("alignment", new("align", run => run.Result.Alignment)),
        ("uniformity", new("uniform", run => run.Result.Uniformity, 2)),
        ("seconds", new("s", run => run.Result.Seconds, 1)),
    ];

    public static void Write(AlignSettings settings, IReadOnlyList<FinishedRun> runs, Outputs outputs, SampleConsole console)
    {
        // What was measured is saved before it is compared, and all of it before it is drawn.
        (string, object) curves = ("curves", runs.Select(run => new { run.Result.Structure, run.Result.Loss, run.Result.BatchSize, run.Result.Seed, run.Curves.Objective, run.Curves.RecallAt1 }));
        Save(curves);
        var groups = RunGroup.Of(runs);
        var comparisons = Comparison.All(groups, Compared, larger: int.MaxValue);
        var missing = NotMeasured.In(runs);
        Save(
            ("groups", groups.Select(Summary)),
            ("paired_differences", comparisons),
            ("not_measured", missing),
            curves);

        console.Line();
        console.Line($"Held-out items, mean of both directions{(settings.Seeds.Count > 1 ? $", mean ± standard deviation of {settings.Seeds.Count} seeds" : "")}");
        RunGroup.Table(groups, [.. Figures.Where(figure => Has(runs[0], figure.Name)).Select(figure => figure.Figure)], console.Output);
        Probes(groups, missing, console);
        Comparison.Write(comparisons, shown: null, console.Output);
        PlotFile.Write(outputs.Curves, Panels(groups));
        console.Line();
        console.Line($"written: {outputs.Summary}, {outputs.Curves}, {runs.Count} pairs of towers");

        void Save(params (string, object)[] more) => SummaryFile.Write(outputs.Summary, [.. runs.Select(run => run.Result)], settings, more);
    }

    private static bool Has(FinishedRun run, string figure) => figure != Map || run.Result.Map is not null;

    private static Dictionary<string, object?> Summary(RunGroup<FinishedRun> group) => new(
    [
        new("structure", group.Structure),
        new("loss", group.Loss),
        new("batch_size", group.BatchSize),
        new("seeds", group.Runs.Count),
        .. Figures.Select(figure => KeyValuePair.Create<string, object?>(figure.Name, Has(group.Runs[0], figure.Name) ? group.Over(figure.Figure.Value) : null)),
    ]);

    /// <summary>What a group is compared by: one with another structure by the labels read off its embeddings too.</summary>
    private static IEnumerable<Figure<FinishedRun>> Compared(RunGroup<FinishedRun> treated, bool byStructure)
        => [new("recall_at_1", run => run.Result.RecallAt1), .. from features in treated.Runs[0].Result.Probes.Select(probe => probe.Features)
                                                               where byStructure && !features.EndsWith("independent", StringComparison.Ordinal)
                                                               from figure in ProbeResult.Figures
                                                               select new Figure<FinishedRun>($"{figure.Name} from {features}", run => figure.Value(run.Result.Probe(features)))];

    /// <summary>The labels read off the embeddings.</summary>
    private static void Probes(IReadOnlyList<RunGroup<FinishedRun>> groups, IReadOnlyList<NotMeasured> missing, SampleConsole console)
    {
        if (groups.All(group => group.Runs[0].Result.Probes.Count == 0))
            return;
        console.Line();
        console.Line("Accuracy of probes for the labels: linear on all training items, on 10, 5 and 1 a class, and nearest neighbours");
        var table = new ResultsTable("loss", "B", "features", "linear", "10", "5", "1", "k-NN");
        foreach (var group in groups)
        {
            foreach (var features in group.Runs[0].Result.Probes.Select(probe => probe.Features))
            {
                table.Row([
                    group.Name,
                    $"{group.BatchSize}",
                    features,
                    .. ProbeResult.Figures.Select(figure => group.Over(run => figure.Value(run.Result.Probe(features))).Text()),
                ]);
            }
        }

        table.Write(console.Output);
        foreach (var figure in missing)
            console.Line($"{figure}");
    }

    /// <summary>For each batch size the objective and the recall over the epochs, the mean over seeds with its spread.</summary>
    private static IReadOnlyList<Panel> Panels(IReadOnlyList<RunGroup<FinishedRun>> groups)
        => [.. groups.GroupBy(group => group.BatchSize).SelectMany(batch => new[]
        {
            new Panel($"Training objective, B = {batch.Key}", "epoch", "objective", [.. batch.Select(group => group.Curve(group.Name, run => run.Objective))]),
            new Panel($"Held-out recall@1, B = {batch.Key}", "epoch", "recall@1", [.. batch.Select(group => group.Curve(group.Name, run => run.RecallAt1))]),
        })];
}
