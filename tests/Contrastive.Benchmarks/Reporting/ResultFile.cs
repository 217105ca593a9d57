using System.Text.Json;
using Contrastive.Training;

namespace Contrastive.Benchmarks.Reporting;

/// <summary>One case in the result file; null is what was not measured, or does not exist.</summary>
/// <param name="Name">The case.</param>
/// <param name="Batch">Rows.</param>
/// <param name="Dim">Features of a row.</param>
/// <param name="MedianMs">Of this library's form.</param>
/// <param name="FloorMs">Of three matrix products.</param>
/// <param name="PlainMs">Of the peers' form.</param>
/// <param name="PeakMb">Memory above the inputs, of this library's form.</param>
internal sealed record CaseResult(string Name, long Batch, long Dim, double? MedianMs, double? FloorMs, double? PlainMs, double? PeakMb);

/// <summary><c>{"cases":[{"name","batch","dim","median_ms","floor_ms","plain_ms","peak_mb"}]}</c>.</summary>
internal sealed record ResultFile(IReadOnlyList<CaseResult> Cases)
{
    public static JsonSerializerOptions Json { get; } = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = false };

    /// <summary>Atomically.</summary>
    public void Write(string path) => AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(this, Json));
}
