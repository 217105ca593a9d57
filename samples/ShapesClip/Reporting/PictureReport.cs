using Contrastive.Samples.ShapesClip.Data.Pictures;
using Contrastive.Samples.ShapesClip.Training;

namespace Contrastive.Samples.ShapesClip.Reporting;

/// <summary>The finished experiment on the user's pictures, on the console and in the folder.</summary>
internal static class PictureReport
{
    private static readonly (string Name, Func<PictureResult, double> Value, int Digits)[] Figures =
    [
        ("picture→text R@1", run => run.Retrieval.ImageToText.RecallAt1, 3),
        ("text→picture R@1", run => run.Retrieval.TextToImage.RecallAt1, 3),
        ("R@5", run => run.Retrieval.RecallAt5, 3),
        ("R@10", run => run.Retrieval.RecallAt10, 3),
        ("MRR", run => run.Retrieval.Mrr, 3),
        ("rank", run => run.Retrieval.MeanRank, 1),
        ("gap", run => run.ModalityGap, 3),
        ("align", run => run.Alignment, 3),
        ("uniform", run => run.Uniformity, 2),
        ("s", run => run.Seconds, 0),
    ];

    public static void Write(ShapesSettings settings, PictureCollection pictures, IReadOnlyList<PictureResult> runs, Outputs outputs, SampleConsole console)
    {
        var test = runs[0].Retrieval.Candidates;
        console.Line();
        console.Line($"Retrieval among {test} test pictures, where any caption of a picture is right{(settings.Seeds.Count > 1 ? $"; mean ± standard deviation of {settings.Seeds.Count} seeds" : "")}");
        var groups = runs.GroupBy(run => (run.BatchSize, run.Loss, run.Structure)).Select(group => group.ToArray()).ToArray();
        var table = new ResultsTable(["loss", "B", .. Figures.Select(figure => figure.Name)]);
        foreach (var group in groups)
            table.Row([Name(group[0]), $"{group[0].BatchSize}", .. Figures.Select(figure => Spread.Of(group.Select(figure.Value)).Text(figure.Digits))]);
        table.Write(console.Output);

        PlotFile.Write(outputs.Curves, Panels(groups));
        SummaryFile.Write(outputs.Summary, runs, settings, ("data", new
        {
            Pictures = pictures.Files.Count,
            Captions = pictures.Files.Sum(file => file.Captions.Count),
            TrainPictures = PictureData.TrainItems(pictures.Files.Count, settings.TestShare),
            ValidationPictures = test,
            TestPictures = test,
            SkippedCount = pictures.Skipped.Count,
            pictures.Skipped,
        }));
        console.Line();
        console.Line($"{pictures.Files.Count} pictures used, {pictures.Skipped.Count} pictures and lines skipped{(pictures.Skipped.Count > 0 ? ", named above and in the summary" : "")}");
        console.Line($"written: {outputs.Summary}, {outputs.Curves}, and each run's towers in {Path.Combine(outputs.Folder, Outputs.ModelFolder)}");
    }

    private static IReadOnlyList<Panel> Panels(PictureResult[][] groups)
    {
        return
        [
            new Panel("Contrastive objective", "epoch", "objective", [.. groups.Select(group => Over(group, (run, epoch) => run.Terms[epoch][TrainingRun.Objective]))]),
            new Panel("Validation recall@1", "epoch", "recall@1", [.. groups.Select(group => Over(group, (run, epoch) => run.RecallAt1[epoch]))]),
        ];

        static Curve Over(PictureResult[] group, Func<RunCurves, int, double> figure)
        {
            var epochs = Enumerable.Range(0, group[0].Curves.Epochs).ToArray();
            var spreads = epochs.Select(epoch => Spread.Of(group.Select(run => figure(run.Curves, epoch)))).ToArray();
            return new Curve(
                $"{Name(group[0])} B={group[0].BatchSize}",
                [.. epochs.Select(epoch => epoch + 1.0)],
                [.. spreads.Select(spread => spread.Mean)],
                group.Length > 1 ? [.. spreads.Select(spread => spread.StandardDeviation)] : null);
        }
    }

    private static string Name(PictureResult run) => run.Structure == Structures.None ? run.Loss : $"{run.Loss} + {run.Structure}";
}
