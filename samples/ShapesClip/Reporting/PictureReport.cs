using Contrastive.Samples.ShapesClip.Data.Pictures;

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
        // Saved before anything is drawn.
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
        console.Line($"Retrieval among {test} test pictures, where any caption of a picture is right{(settings.Seeds.Count > 1 ? $"; mean ± standard deviation of {settings.Seeds.Count} seeds" : "")}");
        var groups = RunGroup.Of(runs);
        var table = new ResultsTable(["loss", "B", .. Figures.Select(figure => figure.Name)]);
        foreach (var group in groups)
            table.Row([group.Name, $"{group.BatchSize}", .. Figures.Select(figure => group.Over(figure.Value).Text(figure.Digits))]);
        table.Write(console.Output);

        PlotFile.Write(outputs.Curves, Panels(groups));
        console.Line();
        console.Line($"{pictures.Files.Count} pictures used, {pictures.Skipped.Count} pictures and lines skipped{(pictures.Skipped.Count > 0 ? ", named above and in the summary" : "")}");
        console.Line($"written: {outputs.Summary}, {outputs.Curves}, and each run's towers in {Path.Combine(outputs.Folder, Outputs.ModelFolder)}");
    }

    private static IReadOnlyList<Panel> Panels(IReadOnlyList<RunGroup<PictureResult>> groups) =>
    [
        new Panel("Contrastive objective", "epoch", "objective", [.. groups.Select(group => group.Curve(group.FullName, run => run.Objective))]),
        new Panel("Validation recall@1", "epoch", "recall@1", [.. groups.Select(group => group.Curve(group.FullName, run => run.RecallAt1))]),
    ];
}
