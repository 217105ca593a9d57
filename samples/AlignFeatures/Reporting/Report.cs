using Contrastive.Samples.AlignFeatures.Training;

namespace Contrastive.Samples.AlignFeatures.Reporting;

/// <summary>The finished experiment on the console and in the folder.</summary>
internal static class Report
{
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
            ("groups", groups.Select(Figures)),
            ("paired_differences", comparisons),
            ("structure_differences", structures),
            ("not_measured", missing),
            curves);

        Table(groups, settings, console);
        Probes(groups, structures, missing, console);
        Differences(comparisons, settings, console);
        PlotFile.Write(outputs.Curves, Panels(groups));
        console.Line();
        console.Line($"written: {outputs.Summary}, {outputs.Curves}, {runs.Count} pairs of towers");

        void Save(params (string, object)[] more) => SummaryFile.Write(outputs.Summary, [.. runs.Select(run => run.Result)], settings, more);
    }

    private static void Table(IReadOnlyList<RunGroup<FinishedRun>> groups, AlignSettings settings, SampleConsole console)
    {
        console.Line();
        console.Line($"Held-out items, mean of both directions{(settings.Seeds.Count > 1 ? $", mean ± standard deviation of {settings.Seeds.Count} seeds" : "")}");
        var labelled = groups[0].Runs[0].Result.Map is not null;
        var table = new ResultsTable(["loss", "B", "R@1", "R@5", "R@10", "MRR", .. labelled ? ["mAP"] : Array.Empty<string>(), "gap", "align", "uniform", "s"]);
        foreach (var group in groups)
        {
            table.Row([
                group.Name,
                $"{group.BatchSize}",
                group.Over(run => run.Result.RecallAt1).Text(),
                group.Over(run => run.Result.RecallAt5).Text(),
                group.Over(run => run.Result.RecallAt10).Text(),
                group.Over(run => run.Result.Mrr).Text(),
                .. labelled ? [group.Over(run => run.Result.Map!.Value).Text()] : Array.Empty<string>(),
                group.Over(run => run.Result.ModalityGap).Text(),
                group.Over(run => run.Result.Alignment).Text(),
                group.Over(run => run.Result.Uniformity).Text(2),
                $"{group.Over(run => run.Result.Seconds).Mean:F1}",
            ]);
        }

        table.Write(console.Output);
    }

    private static void Differences(IReadOnlyList<Comparison> comparisons, AlignSettings settings, SampleConsole console)
    {
        if (comparisons.Count == 0 || settings.Seeds.Count < 2)
            return;
        console.Line();
        console.Line("Recall@1, paired by seed");
        var differences = new ResultsTable("difference", "mean", "std", "std. error", "won", "p (t test)");
        foreach (var (structure, loss, batch, against, againstBatch, difference) in comparisons)
        {
            differences.Row(
                $"{loss} B={batch} - {against} B={againstBatch}{(structure == Structures.None ? "" : $", both + {structure}")}",
                ResultsTable.Cell(difference.Mean, "+0.0000;-0.0000;+0.0000"),
                ResultsTable.Cell(difference.StandardDeviation, "F4"),
                ResultsTable.Cell(difference.StandardError, "F4"),
                $"{difference.Won}/{difference.Pairs}",
                ResultsTable.Cell(difference.PValue, "F3"));
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
            changes.Row(
                structure,
                loss,
                $"{batch}",
                features is null ? figure : $"{features}, {figure}",
                ResultsTable.Cell(difference.Mean, "+0.0000;-0.0000;+0.0000"),
                ResultsTable.Cell(difference.StandardError, "F4"),
                $"{difference.Won}/{difference.Pairs}",
                ResultsTable.Cell(difference.PValue, "F3"));
        }

        changes.Write(console.Output);
    }

    private static object Figures(RunGroup<FinishedRun> group) => new
    {
        group.Structure,
        group.Loss,
        group.BatchSize,
        Seeds = group.Runs.Count,
        RecallAt1 = group.Over(run => run.Result.RecallAt1),
        RecallAt5 = group.Over(run => run.Result.RecallAt5),
        RecallAt10 = group.Over(run => run.Result.RecallAt10),
        Mrr = group.Over(run => run.Result.Mrr),
        Map = group.Runs[0].Result.Map is null ? null : group.Over(run => run.Result.Map!.Value),
        ModalityGap = group.Over(run => run.Result.ModalityGap),
        Alignment = group.Over(run => run.Result.Alignment),
        Uniformity = group.Over(run => run.Result.Uniformity),
        Seconds = group.Over(run => run.Result.Seconds),
    };

    /// <summary>For each batch size the objective and the recall over the epochs, the mean over seeds with its spread.</summary>
    private static IReadOnlyList<Panel> Panels(IReadOnlyList<RunGroup<FinishedRun>> groups)
        => [.. groups.GroupBy(group => group.BatchSize).SelectMany(batch => new[]
        {
            new Panel($"Training objective, B = {batch.Key}", "epoch", "objective", [.. batch.Select(group => group.Curve(group.Name, run => run.Objective))]),
            new Panel($"Held-out recall@1, B = {batch.Key}", "epoch", "recall@1", [.. batch.Select(group => group.Curve(group.Name, run => run.RecallAt1))]),
        })];
}
