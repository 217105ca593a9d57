using System.Globalization;
using Contrastive.Evaluation;

namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>The finished comparison on the console and in the folder.</summary>
internal static class LanguageReport
{
    // More columns than this with their spreads are wider than a page.
    private const int MostColumns = 3;

    /// <summary>Runs that differ by the seed and, of pairs of one language, by the language.</summary>
    /// <param name="Name">What tells it from the others.</param>
    /// <param name="Runs">Of all seeds.</param>
    public sealed record Group(string Name, IReadOnlyList<(LanguageKey Key, LanguageResult Result)> Runs)
    {
        public bool IsShared => Runs[0].Key.IsShared;

        public IEnumerable<long> Seeds => Runs.Select(run => run.Key.Seed).Distinct();

        /// <summary>A figure of each seed, the mean over a seed's runs. A seed whose runs are not all there has none.</summary>
        public IReadOnlyDictionary<long, double> BySeed(Func<LanguageResult, double?> figure)
        {
            var seeds = Runs.GroupBy(run => run.Key.Seed).ToArray();
            var all = seeds.Max(seed => seed.Count());
            return seeds.Where(seed => seed.Count() == all).ToDictionary(seed => seed.Key, seed => seed.Average(run => figure(run.Result) ?? double.NaN));
        }

        public Spread Over(Func<LanguageResult, double?> figure) => Spread.Of(BySeed(figure).OrderBy(seed => seed.Key).Select(seed => seed.Value));

        /// <summary>Recall@1 of a language, of both directions, over the seeds that have it.</summary>
        public Spread Language(string language)
        {
            double[] all = [.. Runs.SelectMany(run => run.Result.Languages).Where(one => one.Language == language).Select(one => one.RecallAt1)];
            return all.Length == 0 ? new Spread(double.NaN, double.NaN) : Spread.Of(all);
        }
    }

    public static void Write(
        LanguagesSettings settings,
        NamedPictures named,
        LanguageExperiment experiment,
        IReadOnlyList<(LanguageKey Key, LanguageResult Result)> runs,
        Outputs outputs,
        SampleConsole console)
    {
        // Saved before anything is drawn.
        var items = experiment.Items.Count;
        var pictures = named.Tagged;
        SummaryFile.Write(outputs.Summary, [.. runs.Select(run => new { Run = run.Key, Figures = run.Result })], settings, ("data", new
        {
            Pictures = pictures.Pictures.Count,
            Names = pictures.Pictures.SelectMany(picture => picture.Captions.Select(name => (picture.Item, name))).Distinct().Count(),
            named.Languages,
            Items = items,
            TrainItems = experiment.Split.Train.Count,
            ScoredItems = experiment.Split.Scored.Count,
            ScoredPictures = experiment.Split.Scored.Sum(item => item.Length),
            SkippedCount = pictures.Skipped.Count,
            pictures.Skipped,
        }));
        if (runs.Count == 0)
        {
            console.Line("no run is finished");
            return;
        }

        Group[] groups = [.. runs.GroupBy(run => Name(settings, run.Key)).Select(group => new Group(group.Key, [.. group]))];
        console.Line();
        console.Line($"{pictures.Pictures.Count} pictures of {items} items with names in {settings.Languages.Count} languages; {experiment.Split.Train.Count} items trained on,");
        console.Line($"scored on {experiment.Split.Scored.Count} {(settings.Training.Validation ? "validation" : "test")} items{(settings.Training.Seeds.Count > 1 ? "; mean ± standard deviation over the seeds" : "")}");
        console.Line();
        Totals(groups).Write(console.Output);
        foreach (var some in groups.Chunk(MostColumns))
        {
            console.Line();
            PerLanguage(settings, some).Write(console.Output);
        }

        WriteNames(settings, groups, console);
        WriteDifferences(groups, console);
        LanguagePlot.Write(outputs.LanguagesPlot, settings, groups);
        console.Line();
        console.Line($"written: {outputs.Summary}, {outputs.LanguagesPlot}{outputs.Towers}");
    }

    private static string Name(LanguagesSettings settings, LanguageKey key)
    {
        var parts = new List<string> { key.IsShared ? LanguageKey.Shared : LanguageKey.Own };
        if (!key.Structure.IsNone)
            parts.Add($"{key.Structure}");
        if (settings.Training.Losses.Count > 1)
            parts.Add(key.Loss);
        if (settings.SharedEpochs.Count > 1 || settings.SharedEpochs[0] != settings.Training.Epochs)
            parts.Add($"{key.Epochs} ep");
        if (settings.Training.LearningRates.Count > 1)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{key.LearningRate}"));
        return string.Join(' ', parts);
    }

    private static ResultsTable Totals(Group[] groups)
    {
        var table = new ResultsTable("mean over languages", "towers", "R@1", "R@5", "R@10");
        Rows("name to picture", run => run.TextToPicture);
        Rows("picture to name", run => run.PictureToText);
        Rows("name to name", run => run.Names?.Mean);
        // All runs of a seed begin with the same words.
        Rows("name to name", run => run.UntrainedNames?.Mean, "untrained");
        Rows("picture to picture", run => run.Pictures);
        return table;

        void Rows(string what, Func<LanguageResult, RecallFigures?> figures, string? onceAs = null)
        {
            var shown = groups.Where(group => group.Runs.Any(run => figures(run.Result) is not null));
            foreach (var group in onceAs is null ? shown : shown.Take(1))
            {
                table.Row(
                    what,
                    onceAs ?? group.Name,
                    group.Over(run => figures(run)?.RecallAt1).Text(),
                    group.Over(run => figures(run)?.RecallAt5).Text(),
                    group.Over(run => figures(run)?.RecallAt10).Text());
            }
        }
    }

    private static ResultsTable PerLanguage(LanguagesSettings settings, Group[] groups)
    {
        var table = new ResultsTable(["R@1, both ways", .. groups.Select(group => group.Name)]);
        foreach (var language in settings.Languages)
            table.Row([language, .. groups.Select(group => group.Language(language).Text())]);
        return table;
    }

    /// <summary>The pairs of languages at the ends of the table.</summary>
    private static void WriteNames(LanguagesSettings settings, Group[] groups, SampleConsole console)
    {
        var table = new ResultsTable("name to name, R@1", "easiest", "", "hardest", " ");
        var any = false;
        foreach (var towers in groups.Where(one => one.Runs.All(run => run.Result.Names is not null)))
        {
            var pairs = (from one in Enumerable.Range(0, settings.Languages.Count)
                         from other in Enumerable.Range(0, settings.Languages.Count)
                         let spread = Spread.Of(towers.Runs.Select(run => run.Result.Names!.RecallAt1[one][other]))
                         where !double.IsNaN(spread.Mean)
                         orderby spread.Mean descending
                         select (Name: $"{settings.Languages[one]} to {settings.Languages[other]}", Spread: spread)).ToArray();
            foreach (var (easy, hard) in pairs.Take(3).Zip(pairs.Reverse()))
            {
                any = true;
                table.Row(towers.Name, easy.Name, easy.Spread.Text(), hard.Name, hard.Spread.Text());
            }
        }

        if (!any)
            return;
        console.Line();
        table.Write(console.Output);
    }

    /// <summary>Shared towers against own ones, seed by seed, and one language at a time; in-modal parts against none.</summary>
    private static void WriteDifferences(Group[] groups, SampleConsole console)
    {
        var table = new ResultsTable("R@1, both ways, paired by seed", "mean", "std. error", "seeds", "languages", "p");
        var any = false;
        foreach (var group in groups)
        {
            foreach (var against in groups.Where(other => IsComparedWith(group, other)))
            {
                var (ours, theirs) = (group.BySeed(Recall), against.BySeed(Recall));
                long[] seeds = [.. ours.Keys.Intersect(theirs.Keys).Order()];
                if (seeds.Length == 0)
                    continue;
                any = true;
                string[] languages = [.. group.Runs.SelectMany(run => run.Result.Languages).Select(one => one.Language).Distinct()];
                var won = languages.Count(language => group.Language(language).Mean > against.Language(language).Mean);
                var difference = seeds.Length > 1
                    ? PairedDifference.Of([.. seeds.Select(seed => ours[seed])], [.. seeds.Select(seed => theirs[seed])])
                    : null;
                table.Row(
                    $"{group.Name} - {against.Name}",
                    (difference?.Mean ?? ours[seeds[0]] - theirs[seeds[0]]).ToString("+0.000;-0.000;+0.000", CultureInfo.InvariantCulture),
                    ResultsTable.Cell(difference?.StandardError ?? double.NaN, "F3"),
                    $"{seeds.Count(seed => ours[seed] > theirs[seed])}/{seeds.Length}",
                    $"{won}/{languages.Length}",
                    ResultsTable.Cell(difference?.PValue ?? double.NaN, "F3"));
            }
        }

        if (!any)
            return;
        console.Line();
        table.Write(console.Output);

        static double? Recall(LanguageResult run) => run.Languages.Average(one => one.RecallAt1);
    }

    private static bool IsComparedWith(Group group, Group other)
    {
        var (one, against) = (group.Runs[0].Key, other.Runs[0].Key);
        return one.Loss == against.Loss && one.LearningRate == against.LearningRate && (one.IsShared != against.IsShared
            ? one.IsShared && one.Structure == against.Structure
            : one.Epochs == against.Epochs && !one.Structure.IsNone && against.Structure.IsNone);
    }
}
