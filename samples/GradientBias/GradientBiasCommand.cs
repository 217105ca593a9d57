using System.CommandLine;
using System.Globalization;
using Contrastive.Samples.GradientBias.Problem;

namespace Contrastive.Samples.GradientBias;

/// <summary>The options of the command line; every value is checked here, before anything runs.</summary>
internal sealed class GradientBiasCommand
{
    private readonly Option<string> _out = Text("--out", "out/gradient-bias", "Folder for the results", "folder");
    private readonly Option<string> _runs = Text("--runs", "10", "Runs from different starts, for each loss and noise level", "n");
    private readonly Option<string> _steps = Text("--steps", "5000", "Optimiser steps of a run", "n");
    private readonly Option<string> _batchSize = Text("--batch-size", "8", $"Pairs in a batch, of the {SyntheticProblem.Pairs}", "n");
    private readonly Option<string> _seed = Text("--seed", "1", "Decides the data, the starts, the batches and the noise", "n");
    private readonly Option<bool> _quick = new("--quick") { Description = "A look in seconds: 2 runs of 600 steps, where not given, and a coarse measurement of the bias" };

    public GradientBiasCommand()
    {
        Root = new RootCommand(
            "Trains the same small problem with InfoNCE and with the decomposable loss, and shows how close each comes to the known optimum and how biased its minibatch gradient is.");
        foreach (var option in new Option[] { _out, _runs, _steps, _batchSize, _seed, _quick })
            Root.Add(option);
    }

    public RootCommand Root { get; }

    public string Out(ParseResult parsed) => OutputFolder.Of(parsed.GetRequiredValue(_out));

    public GradientBiasSettings Settings(ParseResult parsed)
    {
        var quick = parsed.GetValue(_quick);
        return new GradientBiasSettings
        {
            Runs = Whole(_runs, "2", 1, 1000),
            Steps = Whole(_steps, "600", 1, 10_000_000),
            BatchSize = Whole(_batchSize, null, 2, SyntheticProblem.Pairs),
            Seed = Whole(_seed, null, 0, int.MaxValue),
            Starts = quick ? 3 : 5,
            BiasBatchSizes = quick ? [8, 32, SyntheticProblem.Pairs] : [2, 4, 8, 16, 32, 64, 128, SyntheticProblem.Pairs],
            BiasPasses = quick ? 4 : 64,
            BiasWarmUpPasses = quick ? 4 : 100,
        };

        int Whole(Option<string> option, string? whenQuick, int low, int high)
        {
            var given = parsed.GetResult(option) is { Implicit: false };
            var text = quick && !given && whenQuick is not null ? whenQuick : parsed.GetRequiredValue(option);
            if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
                throw new UserError($"{option.Name}: '{text}' is not a whole number");
            return value >= low && value <= high ? (int)value : throw new UserError($"{option.Name} must lie between {low} and {high} but is {text}");
        }
    }

    private static Option<string> Text(string name, string standard, string description, string helpName)
        => new(name) { Description = description, HelpName = helpName, DefaultValueFactory = _ => standard };
}
