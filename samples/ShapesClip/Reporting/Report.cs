namespace Contrastive.Samples.ShapesClip;

/// <summary>The finished experiment on the console and in the folder.</summary>
internal static class Report
{
    public static void Write(ShapesSettings settings, IReadOnlyList<RunResult> runs, Outputs outputs, SampleConsole console)
    {
        // What was measured is saved before it is compared, and all of it before it is drawn.
        SummaryFile.Write(outputs.Summary, runs, settings);
        var groups = RunGroup.Of(runs);
        var comparisons = Comparison.All(groups, (group, _) => Figures.For(group), larger: 1);
        SummaryFile.Write(
            outputs.Summary,
            runs,
            settings,
            ("groups", groups.Select(group => new
            {
                group.Structure,
                group.Loss,
                group.BatchSize,
                Seeds = group.Runs.Count,
                Figures = Figures.For(group).ToDictionary(figure => figure.Name, figure => group.Over(figure.Value)),
                Seconds = group.Over(run => run.Seconds),
            })),
            ("paired_differences", comparisons));

        Scores(groups, settings, console);
        Probes(groups, console);
        Comparison.Write(comparisons, [.. Figures.Short.Select(figure => figure.Name)], console.Output);
        PlotFile.Write(outputs.Curves, Panels(groups), columns: 3);
        if (settings.BatchSizes.Count > 1)
            PlotFile.Write(outputs.BatchSizes, BatchSizePanels(groups));
        console.Line();
        console.Line($"written: {outputs.Summary}, {outputs.Curves}, and each run's towers in {Path.Combine(outputs.Folder, ModelFolder.Models)}");
    }

    private static void Scores(IReadOnlyList<RunGroup<RunResult>> groups, ShapesSettings settings, SampleConsole console)
    {
        console.Line();
        console.Line($"Zero-shot accuracy (shape and colour of 10, both of 100) and retrieval, mean of both directions{(settings.Seeds.Count > 1 ? $"; mean ± standard deviation of {settings.Seeds.Count} seeds" : "")}");
        // Three tables: one would be twice as wide as a terminal.
        foreach (var figures in new[] { Figures.ZeroShot, [.. Figures.Retrieval, new("s", run => run.Seconds, 0)], Figures.Geometry })
        {
            console.Line();
            RunGroup.Table(groups, figures, console.Output, "±");
        }
    }

    private static void Probes(IReadOnlyList<RunGroup<RunResult>> groups, SampleConsole console)
    {
        console.Line();
        console.Line("Accuracy of linear probes, on all labels / on a few");
        foreach (var (number, kinds) in Attributes.All.Chunk(4).Index())
        {
            if (number > 0)
                console.Line();
            var table = new ResultsTable(["loss", "B", "features", .. kinds.Select(kind => kind.Name)]);
            foreach (var group in groups)
            {
                foreach (var features in group.Runs[0].Probes.Select(probe => probe.Features).Distinct())
                {
                    table.Row([
                        group.Name,
                        $"{group.BatchSize}",
                        features,
                        .. kinds.Select(kind => $"{group.Over(run => run.Probe(kind, features).Linear).Mean:F3}/{group.Over(run => run.Probe(kind, features).FewShot).Mean:F3}"),
                    ]);
                }
            }

            table.Write(console.Output);
        }
    }

    /// <summary>Figures over the batch size, a curve for each loss and structure.</summary>
    private static IReadOnlyList<Panel> BatchSizePanels(IReadOnlyList<RunGroup<RunResult>> groups)
        => [.. Figures.Short.Select(figure => new Panel(
            figure.Name,
            "batch size",
            figure.Name,
            [.. groups.GroupBy(group => group.Name).Select(sizes => sizes.OrderBy(group => group.BatchSize).ToArray()).Select(sizes => new Curve(
                sizes[0].Name,
                [.. sizes.Select(group => (double)group.BatchSize)],
                [.. sizes.Select(group => group.Over(figure.Value).Mean)],
                sizes[0].Runs.Count > 1 ? [.. sizes.Select(group => group.Over(figure.Value).StandardDeviation)] : null,
                sizes[0].Style))],
            LogX: true)
        {
            XTicks = [.. groups.Select(group => (double)group.BatchSize).Distinct().Order()],
        })];

    /// <summary>The objective and what the validation pairs say, over the epochs.</summary>
    private static IReadOnlyList<Panel> Panels(IReadOnlyList<RunGroup<RunResult>> groups)
    {
        // Groups of one loss have one colour: the larger the batch, the stronger.
        var sizes = groups.Select(group => group.BatchSize).Distinct().Order().ToList();
        return
        [
            Epochs("Contrastive objective", "objective", run => run.Objective),
            Epochs("Validation recall@1", "recall@1", run => run.RecallAt1),
            Epochs("Zero-shot shape and colour, validation", "accuracy", run => run.ZeroShot),
        ];

        Panel Epochs(string title, string label, Func<RunCurves, IReadOnlyList<double>> figure)
            => new(title, "epoch", label, [.. groups.Select(group => group.Curve(group.FullName, figure, (sizes.IndexOf(group.BatchSize) + 1.0) / sizes.Count))]) { XTicks = Ticks(groups.Max(group => group.Runs[0].Curves.Epochs)) };

        // Of few epochs each; what ScottPlot chooses would have fractions of them.
        static double[]? Ticks(int epochs) => epochs <= 12 ? [.. Enumerable.Range(1, epochs).Select(epoch => (double)epoch)] : null;
    }
}
