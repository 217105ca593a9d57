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
        var comparisons = Comparison.All(groups);
        var structures = StructureComparison.All(groups);
        var missing = NotMeasured.In(runs);
        Save(
            ("groups", groups.Select(Summary)),
            ("paired_differences", comparisons),
            ("structure_differences", structures),
            ("not_measured", missing),
            curves);

        console.Line();
        console.Line($"Held-out items, mean of both directions{(settings.Seeds.Count > 1 ? $", mean ± standard deviation of {settings.Seeds.Count} seeds" : "")}");
        RunGroup.Table(groups, [.. Figures.Where(figure => Has(runs[0], figure.Name)).Select(figure => figure.Figure)], console.Output);
        Probes(groups, structures, missing, console);
        Differences(comparisons, settings, console);
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

    private static void Differences(IReadOnlyList<Comparison> comparisons, AlignSettings settings, SampleConsole console)
    {
        if (comparisons.Count == 0 || settings.Seeds.Count < 2)
            return;
        console.Line();
        console.Line("Recall@1, paired by seed");
        var differences = new ResultsTable("difference", "mean", "std", "std. error", "won", "p (t test)");
        foreach (var (structure, loss, batch, against, againstBatch, difference) in comparisons)
        {
            var name = $"{loss} B={batch} - {against} B={againstBatch}{(structure == Structures.None ? "" : $", both + {structure}")}";
            var (mean, error, won, p) = ResultsTable.Cells(difference, 4);
            differences.Row(name, mean, ResultsTable.Cell(difference.StandardDeviation, "F4"), error, won, p);
        }

        differences.Write(console.Output);
    }

    /// <summary>The labels read off the embeddings, and what each structure changes in that.</summary>
    private static void Probes(
        IReadOnlyList<RunGroup<FinishedRun>> groups, IReadOnlyList<StructureComparison> differences, IReadOnlyList<NotMeasured> missing, SampleConsole console)
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
                    .. ProbeResult.Figures.Select(figure => group.Over(run => figure.Value(run.Result.Probes.Single(probe => probe.Features == features))).Text()),
                ]);
            }
        }

        table.Write(console.Output);
        foreach (var figure in missing)
            console.Line($"{figure}");
        if (differences.Count == 0 || groups[0].Runs.Count < 2)
            return;
        console.Line();
        console.Line("What a structure changes, paired by seed");
        var changes = new ResultsTable("structure", "loss", "B", "figure", "mean", "std. error", "won", "p (t test)");
        foreach (var (structure, loss, batch, figure, features, difference) in differences)
        {
            var (mean, error, won, p) = ResultsTable.Cells(difference, 4);
            changes.Row(structure, loss, $"{batch}", features is null ? figure : $"{features}, {figure}", mean, error, won, p);
        }

        changes.Write(console.Output);
    }

    /// <summary>For each batch size the objective and the recall over the epochs, the mean over seeds with its spread.</summary>
    private static IReadOnlyList<Panel> Panels(IReadOnlyList<RunGroup<FinishedRun>> groups)
        => [.. groups.GroupBy(group => group.BatchSize).SelectMany(batch => new[]
        {
            new Panel($"Training objective, B = {batch.Key}", "epoch", "objective", [.. batch.Select(group => group.Curve(group.Name, run => run.Objective))]),
            new Panel($"Held-out recall@1, B = {batch.Key}", "epoch", "recall@1", [.. batch.Select(group => group.Curve(group.Name, run => run.RecallAt1))]),
        })];
}
