using System.Globalization;
using Contrastive.Samples.ImageSearch.Training;

namespace Contrastive.Samples.ImageSearch.Reporting;

/// <summary>The finished experiment on the console and in the folder.</summary>
internal static class Report
{
    private static readonly (string Name, Func<SearchResult, double?> Value, int Digits)[] Figures =
    [
        ("R@1", run => run.RecallAt1, 3),
        ("R@5", run => run.RecallAt5, 3),
        ("R@10", run => run.RecallAt10, 3),
        ("zero-shot", run => run.ZeroShot, 3),
        ("1 label", run => run.Probe1, 3),
        ("5 labels", run => run.Probe5, 3),
        ("10 labels", run => run.Probe10, 3),
        ("s", run => run.Seconds, 0),
    ];

    /// <summary>The runs of all seeds.</summary>
    private sealed record Group(string Objective, int BatchSize, double Rate, IReadOnlyList<SearchResult> Runs)
    {
        public Spread Over(Func<SearchResult, double?> figure) => Spread.Of(Runs.Select(run => figure(run) ?? double.NaN));
    }

    public static void Write(SearchSettings settings, ExperimentData data, IReadOnlyList<SearchResult> runs, Outputs outputs, SampleConsole console)
    {
        // Saved before anything is drawn.
        SummaryFile.Write(outputs.Summary, runs, settings, ("data", new
        {
            Pictures = data.Pictures.Pictures.Count,
            Captions = data.Pictures.Pictures.Sum(picture => picture.Captions.Count),
            data.Items,
            TrainItems = data.Split.Train.Count,
            ScoredItems = data.Split.Scored.Count,
            SkippedCount = data.Pictures.Skipped.Count,
            data.Pictures.Skipped,
        }));
        Group[] groups = [.. settings.Grid.Zip(runs)
            .GroupBy(run => (run.First.Objective, run.First.BatchSize, run.First.Rate))
            .Select(group => new Group(group.Key.Objective, group.Key.BatchSize, group.Key.Rate, [.. group.Select(run => run.Second)]))];
        console.Line();
        console.Line($"{data.Pictures.Pictures.Count} pictures of {data.Items} items; {data.Split.Train.Count} trained on, scored on {data.Split.Scored.Count} {(settings.Validation ? "validation" : "test")} items");
        console.Line($"Retrieval (mean of both directions), zero-shot categories and linear probes on a few labels{(settings.Seeds.Count > 1 ? $"; mean ± standard deviation of {settings.Seeds.Count} seeds" : "")}");
        var table = new ResultsTable(["loss", "B", "step size", .. Figures.Select(figure => figure.Name)]);
        foreach (var group in groups)
        {
            table.Row([
                group.Objective,
                $"{group.BatchSize}",
                group.Rate.ToString("G3", CultureInfo.InvariantCulture),
                .. Figures.Select(figure => group.Over(figure.Value).Text(figure.Digits)),
            ]);
        }

        table.Write(console.Output);
        PlotFile.Write(outputs.Recall, [Panel("Recall@1", run => run.RecallAt1), Panel("Recall@10", run => run.RecallAt10)]);
        console.Line();
        console.Line($"written: {outputs.Summary}, {outputs.Recall}, and each run's towers in {Path.Combine(outputs.Folder, ModelFolder.Models)}");

        // Over the batch size, with the best of several step sizes.
        Panel Panel(string title, Func<SearchResult, double?> figure) => new(
            $"{title} on {(settings.Validation ? "validation" : "held-out")} items, mean of both directions",
            "batch size",
            title,
            [.. groups.GroupBy(group => group.Objective).Select(loss =>
            {
                Group[] best = [.. loss.GroupBy(group => group.BatchSize).OrderBy(size => size.Key).Select(size => size.MaxBy(group => group.Over(figure).Mean)!)];
                return new Curve(
                    loss.Key,
                    [.. best.Select(group => (double)group.BatchSize)],
                    [.. best.Select(group => group.Over(figure).Mean)],
                    settings.Seeds.Count > 1 ? [.. best.Select(group => group.Over(figure).StandardDeviation)] : null);
            })],
            LogX: true)
        {
            XTicks = [.. groups.Select(group => (double)group.BatchSize).Distinct().Order()],
        };
    }
}
