using System.CommandLine;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.GradientBias;

/// <summary>What the command line decides.</summary>
internal sealed record GradientBiasSettings
{
    public required int Runs { get; init; }

    public required int Steps { get; init; }

    public required int BatchSize { get; init; }

    public required int Seed { get; init; }

    /// <summary>Starts of the search for the optimum.</summary>
    public required int Starts { get; init; }

    /// <summary>Batch sizes at which the gradient's bias is measured.</summary>
    public required IReadOnlyList<int> BiasBatchSizes { get; init; }

    /// <summary>Passes over the data that the bias is measured with.</summary>
    public required int BiasPasses { get; init; }

    /// <summary>Passes over the data in which the partition table settles before the bias is measured.</summary>
    public required int BiasWarmUpPasses { get; init; }

    /// <summary>σ, the noise added to the similarities of the negatives.</summary>
    public IReadOnlyList<double> NoiseLevels { get; } = [0, 1, 2];
}

/// <summary>The options of the command line; every value is checked here, before anything runs.</summary>
internal sealed class GradientBiasCommand
{
    private readonly Option<string> _out = Text("--out", "out/gradient-bias", "Folder for the results", "folder");
    private readonly Option<string> _runs = Text("--runs", "10", "Runs from different starts, for each loss and noise level", "n");
    private readonly Option<string> _steps = Text("--steps", "5000", "Optimiser steps of a run", "n");
    private readonly Option<string> _batchSize = Text("--batch-size", "8", $"Pairs in a batch, of the {SyntheticProblem.Pairs}", "n");
    private readonly Option<string> _seed = Text("--seed", "1", "Decides the data, the starts, the batches and the noise", "n");
    private readonly Option<bool> _quick = new("--quick") { Description = "A look in seconds: 2 runs of 600 steps, where not given, and a coarse measurement of the bias" };

    public GradientBiasCommand() => Root.With(_out, _runs, _steps, _batchSize, _seed, _quick);

    public RootCommand Root { get; } = new(
        "Trains the same small problem with InfoNCE and with the decomposable loss, and shows how close each comes to the known optimum and how biased its minibatch gradient is.");

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
            => (int)CommandOptions.Whole(option, Value(parsed, option, quick ? whenQuick : null), low, high);
    }
}
