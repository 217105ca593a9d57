using Contrastive.Samples.AlignFeatures.Training;

namespace Contrastive.Samples.AlignFeatures.Reporting;

/// <summary>The finished experiment on the console and in the folder.</summary>
internal static class Report
{
    public static void Write(AlignSettings settings, IReadOnlyList<FinishedRun> runs, Outputs outputs, SampleConsole console)
    {
        var groups = Group.Of(runs);
        var comparisons = Comparison.All(groups);
        Console(groups, comparisons, settings, console);

        PlotFile.Write(outputs.Curves, Panels(groups));
        SummaryFile.Write(
            outputs.Summary,
            [.. runs.Select(run => run.Result)],
            settings,
            ("groups", groups.Select(Figures)),
            ("paired_differences", comparisons),
            ("curves", runs.Select(run => new { run.Result.Loss, run.Result.BatchSize, run.Result.Seed, run.Curves.Objective, run.Curves.RecallAt1 })));
        console.Line();
        console.Line($"written: {outputs.Summary}, {outputs.Curves}, {runs.Count} pairs of towers");
    }

    private static void Console(IReadOnlyList<Group> groups, IReadOnlyList<Comparison> comparisons, AlignSettings settings, SampleConsole console)
    {
        console.Line();
        console.Line($"Held-out items, mean of both directions{(settings.Seeds.Count > 1 ? $", mean ± standard deviation of {settings.Seeds.Count} seeds" : "")}");
        var labelled = groups[0].Runs[0].Result.Map is not null;
        var table = new ResultsTable(["loss", "B", "R@1", "R@5", "R@10", "MRR", .. labelled ? ["mAP"] : Array.Empty<string>(), "gap", "align", "uniform", "s"]);
        foreach (var group in groups)
        {
            table.Row([
                group.Loss,
                $"{group.BatchSize}",
                group.Over(run => run.RecallAt1).Text(),
                group.Over(run => run.RecallAt5).Text(),
                group.Over(run => run.RecallAt10).Text(),
                group.Over(run => run.Mrr).Text(),
                .. labelled ? [group.Over(run => run.Map!.Value).Text()] : Array.Empty<string>(),
                group.Over(run => run.ModalityGap).Text(),
                group.Over(run => run.Alignment).Text(),
                group.Over(run => run.Uniformity).Text(2),
                $"{group.Over(run => run.Seconds).Mean:F1}",
            ]);
        }

        table.Write(console.Output);
        if (comparisons.Count == 0 || settings.Seeds.Count < 2)
            return;
        console.Line();
        console.Line("Recall@1, paired by seed");
        var differences = new ResultsTable("difference", "mean", "std", "std. error", "won", "p (t test)");
        foreach (var (loss, batch, against, againstBatch, difference) in comparisons)
        {
            differences.Row(
                $"{loss} B={batch} - {against} B={againstBatch}",
                $"{difference.Mean:+0.0000;-0.0000}",
                $"{difference.StandardDeviation:F4}",
                $"{difference.StandardError:F4}",
                $"{difference.Won}/{difference.Pairs}",
                $"{difference.PValue:F3}");
        }

        differences.Write(console.Output);
    }

    private static object Figures(Group group) => new
    {
        group.Loss,
        group.BatchSize,
        Seeds = group.Runs.Count,
        RecallAt1 = group.Over(run => run.RecallAt1),
        RecallAt5 = group.Over(run => run.RecallAt5),
        RecallAt10 = group.Over(run => run.RecallAt10),
        Mrr = group.Over(run => run.Mrr),
        Map = group.Runs[0].Result.Map is null ? null : group.Over(run => run.Map!.Value),
        ModalityGap = group.Over(run => run.ModalityGap),
        Alignment = group.Over(run => run.Alignment),
        Uniformity = group.Over(run => run.Uniformity),
        Seconds = group.Over(run => run.Seconds),
    };

    /// <summary>For each batch size the objective and the recall over the epochs, the mean over seeds with its spread.</summary>
    private static IReadOnlyList<Panel> Panels(IReadOnlyList<Group> groups)
    {
        return [.. groups.GroupBy(group => group.BatchSize).SelectMany(batch => new[]
        {
            new Panel($"Training objective, B = {batch.Key}", "epoch", "objective", [.. batch.Select(group => Over(group, run => run.Objective))]),
            new Panel($"Held-out recall@1, B = {batch.Key}", "epoch", "recall@1", [.. batch.Select(group => Over(group, run => run.RecallAt1))]),
        })];

        static Curve Over(Group group, Func<RunCurves, IReadOnlyList<double>> figure)
        {
            var epochs = Enumerable.Range(0, group.Runs[0].Curves.Epochs).ToArray();
            var spreads = epochs.Select(epoch => Spread.Of(group.Runs.Select(run => figure(run.Curves)[epoch]))).ToArray();
            return new Curve(
                group.Loss,
                [.. epochs.Select(epoch => epoch + 1.0)],
                [.. spreads.Select(spread => spread.Mean)],
                group.Runs.Count > 1 ? [.. spreads.Select(spread => spread.StandardDeviation)] : null);
        }
    }
}
