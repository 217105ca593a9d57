namespace Contrastive.Samples.GradientBias;

/// <summary>The two figures.</summary>
internal static class Plots
{
    private const string Grey = "#555555";

    private static readonly Dictionary<string, (string Title, string Color)> Looks = new()
    {
        [ComparedLosses.InfoNCE] = ("InfoNCE", LossColors.InfoNCE),
        [ComparedLosses.GammaMean] = ("decomposable loss", LossColors.GammaMean),
    };

    /// <summary>One panel a noise level: each run thin, their mean thick, and the optimum at 1.</summary>
    public static IReadOnlyList<Panel> Convergence(IReadOnlyList<RunCurve> curves, int batchSize)
    {
        // Room below the worst final value, so that the last part of the way is seen; what is below it is left of the picture.
        var low = Math.Floor((curves.Min(curve => curve.Final) - 0.08) * 20) / 20;
        return [.. curves.GroupBy(curve => curve.Key.Noise).OrderBy(noise => noise.Key).Select(noise => new Panel(
            noise.Key == 0 ? $"No noise in the similarities, B = {batchSize}" : $"Noise σ = {noise.Key} in the similarities, B = {batchSize}",
            "step",
            "L* / L",
            [
                new Curve("optimum of the full loss", [0, noise.First().Steps[^1]], [1, 1], Style: new CurveStyle(Grey, 1, 1, Dashed: true)),
                .. noise.Select(curve => new Curve(
                    "", curve.Steps, curve.Fractions, Style: new CurveStyle(Looks[curve.Key.Loss].Color, 1, 0.35))),
                .. ComparedLosses.Names.Select(loss => Mean(loss, [.. noise.Where(curve => curve.Key.Loss == loss)])),
            ])
        {
            YRange = (low, 1 + (1 - low) * 0.06),
        })];
    }

    /// <summary>The measured bias and what chance alone would show, both axes logarithmic.</summary>
    public static IReadOnlyList<Panel> Bias(IReadOnlyList<BiasEntry> entries, double fraction)
    {
        // A batch of everything has no bias at all: nothing a logarithmic axis could show.
        var shown = entries.Where(entry => entry.BatchSize < SyntheticProblem.Pairs).ToArray();
        return
        [
            new Panel(
                $"Bias of the minibatch gradient, where L*/L = {fraction:F2}",
                $"batch size B, of N = {SyntheticProblem.Pairs} pairs",
                "‖E[g_B] - g‖ / ‖g‖",
                [.. ComparedLosses.Names.SelectMany(loss => Lines(loss, [.. shown.Where(entry => entry.Loss == loss)]))],
                LogX: true,
                LogY: true)
            {
                XTicks = [.. shown.Select(entry => (double)entry.BatchSize).Distinct()],
            },
        ];

        static IEnumerable<Curve> Lines(string loss, BiasEntry[] entries)
        {
            var (title, color) = Looks[loss];
            double[] sizes = [.. entries.Select(entry => (double)entry.BatchSize)];
            yield return new Curve(title, sizes, [.. entries.Select(entry => entry.RelativeBias)], Style: new CurveStyle(color, 2.5));
            yield return new Curve(
                $"{title}: by chance alone", sizes, [.. entries.Select(entry => entry.NoiseFloor)], Style: new CurveStyle(color, 1.5, 0.7, Dashed: true));
        }
    }

    private static Curve Mean(string loss, RunCurve[] curves)
    {
        var (title, color) = Looks[loss];
        return new Curve(
            curves.Length == 1 ? title : $"{title}, mean of {curves.Length} runs",
            curves[0].Steps,
            [.. curves[0].Steps.Select((_, i) => curves.Average(curve => curve.Fractions[i]))],
            Style: new CurveStyle(color, 3));
    }
}
