using Contrastive.Benchmarks.Cases;

namespace Contrastive.Benchmarks;

/// <summary>What the command line decides.</summary>
internal sealed record BenchmarkSettings
{
    /// <summary>What to measure, already at the sizes to run; unless <see cref="Cost"/> is given.</summary>
    public required IReadOnlyList<StepCase> Cases { get; init; }

    /// <summary>The cost as the batch grows, instead of the cases.</summary>
    public required CostSettings? Cost { get; init; }

    /// <summary>Steps with encoders, plain and in micro-batches, instead of the cases.</summary>
    public required bool Beyond { get; init; }

    /// <summary>Small batches and few iterations: whether everything works, not how fast.</summary>
    public required bool Quick { get; init; }

    /// <summary>Whether to start child processes that measure memory.</summary>
    public required bool Memory { get; init; }

    public required int Threads { get; init; }

    /// <summary>The JSON file to write; none if null.</summary>
    public required string? Out { get; init; }
}

/// <summary>The batches to run, and the picture to draw.</summary>
internal sealed record CostSettings(IReadOnlyList<long> Batches, string Plot);
