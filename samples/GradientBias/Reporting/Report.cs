namespace Contrastive.Samples.GradientBias;

/// <summary>The final L*/L of all runs of a loss at a noise level, as the summary has them.</summary>
internal sealed record RunsResult(string Loss, double Noise, IReadOnlyList<double> Runs)
{
    public static IReadOnlyList<RunsResult> Of(IEnumerable<RunCurve> curves) =>
    [
        .. from curve in curves
           group curve.Final by (curve.Key.Noise, curve.Key.Loss) into runs
           orderby runs.Key.Noise, ComparedLosses.Names.ToList().IndexOf(runs.Key.Loss)
           select new RunsResult(runs.Key.Loss, runs.Key.Noise, [.. runs]),
    ];
}

/// <summary>The finished experiment on the console and in the folder.</summary>
internal static class Report
{
    public static void Write(
        string folder,
        GradientBiasSettings settings,
        Optimum optimum,
        double biasPointFraction,
        IReadOnlyList<RunCurve> curves,
        IReadOnlyList<BiasEntry> bias,
        SampleConsole console)
    {
        var results = RunsResult.Of(curves);
        string summary = Path.Combine(folder, "summary.json"),
            convergence = Path.Combine(folder, "convergence.png"),
            biasPlot = Path.Combine(folder, "bias.png");
        // Saved before anything is drawn.
        SummaryFile.Write(summary, results, Figures(settings, optimum, biasPointFraction), ("bias", bias));
        Write(results, console);
        Write(bias, biasPointFraction, console);
        PlotFile.Write(convergence, Plots.Convergence(curves, settings.BatchSize), panelWidth: 640, panelHeight: 520, columns: 3);
        PlotFile.Write(biasPlot, Plots.Bias(bias, biasPointFraction), panelWidth: 800, panelHeight: 520);
        console.Line();
        console.Line($"written: {summary}, {convergence}, {biasPlot}");
    }

    private static void Write(IReadOnlyList<RunsResult> results, SampleConsole console)
    {
        console.Line();
        console.Line("L*/L at the end, 1 at the optimum of the full loss");
        var table = new ResultsTable("loss", "noise", "runs", "min", "mean", "max");
        foreach (var (loss, noise, runs) in results)
            table.Row(loss, $"{noise}", $"{runs.Count}", $"{runs.Min():F5}", $"{runs.Average():F5}", $"{runs.Max():F5}");
        table.Write(console.Output);
    }

    private static void Write(IReadOnlyList<BiasEntry> bias, double fraction, SampleConsole console)
    {
        console.Line();
        console.Line($"Bias of the minibatch gradient, relative to the full gradient, where L*/L = {fraction:F3}");
        var table = new ResultsTable("loss", "B", "bias", "less noise", "noise floor", "batches");
        foreach (var entry in bias.OrderBy(entry => ComparedLosses.Names.ToList().IndexOf(entry.Loss)).ThenBy(entry => entry.BatchSize))
        {
            table.Row(
                entry.Loss, $"{entry.BatchSize}", $"{entry.RelativeBias:F4}", $"{entry.CorrectedRelativeBias:F4}", $"{entry.NoiseFloor:F4}", $"{entry.Batches}");
        }

        table.Write(console.Output);
    }

    private static object Figures(GradientBiasSettings settings, Optimum optimum, double biasPointFraction) => new
    {
        settings.Runs,
        settings.Steps,
        settings.BatchSize,
        settings.Seed,
        Problem = new
        {
            SyntheticProblem.Pairs,
            SyntheticProblem.Dimensions,
            SyntheticProblem.Temperature,
            SyntheticProblem.Noise,
            SyntheticProblem.LargeNoise,
            SyntheticProblem.LargeNoiseEvery,
        },
        Optimum = new { optimum.Loss, Starts = optimum.Losses, optimum.Spread },
        Training = new
        {
            Optimizer = "adam",
            TrainingRun.LearningRate,
            LearningRateSchedule = "cosine to 0",
            Averaging = "polynomial decay",
            AveragingEta = IterateAverage.Eta,
            EStep = EStep.PosteriorMean,
            ComparedLosses.RhoScale,
            RhoExponent = 1,
        },
        Bias = new
        {
            Point = "half way from the first start to its optimum",
            PointFraction = biasPointFraction,
            WarmUpPasses = settings.BiasWarmUpPasses,
            Passes = settings.BiasPasses,
        },
    };
}
