using Contrastive.Samples.ShapesClip;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ShapesClip;

/// <summary>Towers that train in a moment.</summary>
internal static class Tiny
{
    public const int Pairs = 8;

    private static readonly string[] Towers =
        ["--pairs", $"{Pairs}", "--image-width", "8", "--text-width", "8", "--encoding", "16", "--features", "8", "--batch-size", "4"];

    /// <summary>The command line. What the program measures at the end takes longer than all other tests.</summary>
    public static string[] Training(string output, int epochs) => [.. Towers, "--epochs", $"{epochs}", "--out", output];

    /// <summary>A trained model in an experiment's folder, without the program around it and its measurement.</summary>
    /// <returns>The model's own folder.</returns>
    public static string Model(string folder, long seed = 0, params string[] more)
    {
        var command = new ShapesCommand();
        var settings = command.Settings(command.Root.Parse([.. Training(folder, 1), .. more]));
        var key = settings.Grid[0] with { Seed = seed };
        using var data = ShapeData.Draw(settings.Pairs, (int)seed, CPU);
        using var run = new TrainingRun(key, settings, data, _ => new Glance(0, 0), CPU);
        while (run.StepsDone < run.Steps)
        {
            run.TakeStep();
            run.AfterStep();
        }

        var model = new Outputs(folder).Model(key);
        SavedModel.Save(model, run.Towers, key, settings, run.Temperature);
        return model;
    }
}
