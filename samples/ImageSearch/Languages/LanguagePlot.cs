using ScottPlot;

namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>Recall@1 of each language, a bar for each kind of towers, with its spread over the seeds.</summary>
internal static class LanguagePlot
{
    private const int Height = 440;
    private const int Least = 640;
    private const int PixelsALanguage = 90;

    public static void Write(string path, LanguagesSettings settings, IReadOnlyList<LanguageReport.Group> groups)
        => PlotFile.WriteSheet(path, [plot => Draw(plot, settings, groups)], Math.Max(Least, settings.Languages.Count * PixelsALanguage), Height, columns: 1);

    private static void Draw(Plot plot, LanguagesSettings settings, IReadOnlyList<LanguageReport.Group> groups)
    {
        var width = 0.8 / groups.Count;
        foreach (var (number, group) in groups.Index())
        {
            var colour = plot.Add.Palette.GetColor(number);
            var bars = plot.Add.Bars(settings.Languages.Index().Select(language => (language.Index, Recall: group.Language(language.Item)))
                .Where(language => double.IsFinite(language.Recall.Mean))
                .Select(language => new Bar
                {
                    Position = language.Index + (number - (groups.Count - 1) / 2.0) * width,
                    Value = language.Recall.Mean,
                    Error = double.IsNaN(language.Recall.StandardDeviation) ? 0 : language.Recall.StandardDeviation,
                    Size = width,
                    FillColor = colour,
                }).ToArray());
            bars.LegendText = group.Name;
        }

        plot.Axes.Bottom.SetTicks([.. settings.Languages.Index().Select(language => (double)language.Index)], [.. settings.Languages]);
        plot.Axes.Margins(bottom: 0);
        plot.Title($"Recall@1 on {(settings.Training.Validation ? "validation" : "held-out")} items, mean of name to picture and picture to name");
        plot.YLabel("Recall@1");
        plot.Legend.Orientation = Orientation.Horizontal;
        plot.ShowLegend(Edge.Bottom);
    }
}
