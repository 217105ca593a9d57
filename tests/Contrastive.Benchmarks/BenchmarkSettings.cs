using Contrastive.Benchmarks.Cases;

namespace Contrastive.Benchmarks;

/// <summary>What the command line decides.</summary>
internal sealed record BenchmarkSettings
{
    /// <summary>What to measure, already at the sizes to run.</summary>
    public required IReadOnlyList<StepCase> Cases { get; init; }

    /// <summary>Small batches and few iterations: whether everything works, not how fast.</summary>
    public required bool Quick { get; init; }

    /// <summary>Whether to start a child process for each case and measure its memory.</summary>
    public required bool Memory { get; init; }

    public required int Threads { get; init; }

    /// <summary>The JSON file to write; none if null.</summary>
    public required string? Out { get; init; }
}
