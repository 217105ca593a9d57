using System.Globalization;
using Contrastive.Evaluation;
using Contrastive.Samples.ImageSearch.Training;

namespace Contrastive.Samples.ImageSearch.Reporting;

/// <summary>The finished experiment on the console and in the folder.</summary>
internal static class Report
{
    /// <summary>A column of a table.</summary>
    /// <param name="Name">Its title.</param>
    /// <param name="Of">The figure of a run.</param>
    /// <param name="BothHeads">The same of a run with independent features, with them beside the shared ones.</param>
    private sealed record Figure(string Name, Func<SearchResult, double?> Of, Func<SearchResult, double?>? BothHeads = null, int Digits = 3);

    private static readonly Figure[] Retrieval =
    [
        new("R@1", run => run.RecallAt1),
        new("R@5", run => run.RecallAt5),
        new("R@10", run => run.RecallAt10),
        new("s", run => run.Seconds, Digits: 0),
    ];

    private static readonly Figure[] Categories =
    [
        new("zero-shot", run => run.ZeroShot),
        new("1 label", run => run.Probe1, run => run.WithIndependent?.Probe1),
        new("5 labels", run => run.Probe5, run => run.WithIndependent?.Probe5),
        new("10 labels", run => run.Probe10, run => run.WithIndependent?.Probe10),
    ];

    private static readonly Figure AllLabels = new("all labels", run => run.ProbeFull, run => run.WithIndependent?.ProbeFull);

    /// <summary>The runs of all seeds.</summary>
    private sealed record Group(SearchKey Key, IReadOnlyList<SearchResult> Runs)
    {
        public string Objective => Key.Objective;

        public int BatchSize => Key.BatchSize;

        public Spread Over(Func<SearchResult, double?> figure) => Spread.Of(Runs.Select(run => figure(run) ?? double.NaN));
    }

    public static void Write(SearchSettings settings, ExperimentData data, IReadOnlyList<(SearchKey Key, SearchResult Result)> runs, Outputs outputs, SampleConsole console)
    {
        // Saved before anything is drawn.
        SummaryFile.Write(outputs.Summary, [.. runs.Select(run => run.Result)], settings, ("data", new
        {
            Pictures = data.Pictures.Pictures.Count,
            Captions = data.Pictures.Pictures.Sum(picture => picture.Captions.Count),
            data.Items,
            TrainItems = data.Split.Train.Count,
            ScoredItems = data.Split.Scored.Count,
            SkippedCount = data.Pictures.Skipped.Count,
            data.Pictures.Skipped,
        }));
        if (runs.Count == 0)
        {
            console.Line("no run is finished");
            return;
        }

        Group[] groups = [.. runs
            .GroupBy(run => run.Key with { Seed = 0 })
            .Select(group => new Group(group.Key, [.. group.Select(run => run.Result)]))];
        console.Line();
        console.Line($"{data.Pictures.Pictures.Count} pictures of {data.Items} items; {data.Split.Train.Count} trained on, scored on {data.Split.Scored.Count} {(settings.Validation ? "validation" : "test")} items");
        var spread = settings.Seeds.Count > 1 ? $"; mean ± standard deviation of {settings.Seeds.Count} seeds" : "";
        WriteTable($"Retrieval, mean of both directions{spread}", Retrieval);
        // Without labels there are no categories, and what only --structure fills is there only with it.
        if (runs.Any(run => run.Result.ZeroShot is not null))
            WriteTable($"Categories: zero-shot, and linear probes on a few labels{spread}", settings.Structures is null ? Categories : [.. Categories, AllLabels]);
        WriteDifferences(groups, console);
        PlotFile.Write(outputs.Recall, [Panel("Recall@1", run => run.RecallAt1), Panel("Recall@10", run => run.RecallAt10)]);
        console.Line();
        console.Line($"written: {outputs.Summary}, {outputs.Recall}{outputs.Towers}");

        void WriteTable(string title, Figure[] columns)
        {
            var table = new ResultsTable(["loss", "B", "step size", .. columns.Select(column => column.Name)]);
            foreach (var group in groups)
            {
                Row(group.Objective, column => column.Of);
                if (group.Key.Structure is { NeedsIndependent: true } && columns.Any(column => column.BothHeads is not null))
                    Row("  both heads", column => column.BothHeads ?? (_ => null));

                void Row(string name, Func<Figure, Func<SearchResult, double?>> of) => table.Row([
                    name,
                    $"{group.BatchSize}",
                    group.Key.Rate.ToString("G3", CultureInfo.InvariantCulture),
                    .. columns.Select(column => group.Over(of(column)).Text(column.Digits)),
                ]);
            }

            console.Line();
            console.Line(title);
            table.Write(console.Output);
        }

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
                    settings.Seeds.Count > 1 ? [.. best.Select(group => group.Over(figure).StandardDeviation)] : null,
                    LossColors.Of(best[0].Key.Loss, best[0].Key.Memory));
            })],
            LogX: true)
        {
            XTicks = [.. groups.Select(group => (double)group.BatchSize).Distinct().Order()],
        };
    }

    /// <summary>Recall@1 seed by seed: what differs in the loss or the memory at one batch size, and against the baseline at the next.</summary>
    private static void WriteDifferences(Group[] groups, SampleConsole console)
    {
        // Several step sizes are there to choose from.
        if (groups.CountBy(group => (group.Objective, group.BatchSize)).Any(count => count.Value > 1))
            return;
        var table = new ResultsTable("recall@1, paired by seed", "mean", "std. error", "won", "p");
        var any = false;
        foreach (var group in groups.OrderBy(group => group.BatchSize))
        {
            foreach (var against in groups.Where(other => IsComparedWith(group.Key, other.Key)).OrderBy(other => other.BatchSize))
            {
                var pairs = group.Runs.Join(against.Runs, run => run.Seed, run => run.Seed, (one, other) => (One: one.RecallAt1, Other: other.RecallAt1)).ToArray();
                if (pairs.Length < 2)
                    continue;
                var difference = PairedDifference.Of([.. pairs.Select(pair => pair.One)], [.. pairs.Select(pair => pair.Other)]);
                any = true;
                table.Row(
                    $"{group.Objective} B={group.BatchSize} - {against.Objective} B={against.BatchSize}",
                    difference.Mean.ToString("+0.000;-0.000;+0.000", CultureInfo.InvariantCulture),
                    ResultsTable.Cell(difference.StandardError, "F3"),
                    $"{difference.Won}/{difference.Pairs}",
                    ResultsTable.Cell(difference.PValue, "F3"));
            }
        }

        if (!any)
            return;
        console.Line();
        table.Write(console.Output);
    }

    private static bool IsComparedWith(SearchKey key, SearchKey other) => key.Structure == other.Structure
        ? IsLossComparedWith(key, other)
        : other.Structure is { IsNone: true } && key.Structure is not null && key with { Structure = other.Structure } == other;

    private static bool IsLossComparedWith(SearchKey key, SearchKey other)
        => key.Objective != other.Objective && other.Memory == 0 && (other.Loss == SearchLosses.Baseline
            ? other.BatchSize >= key.BatchSize
            : other.BatchSize == key.BatchSize && key.Memory > 0);
}
