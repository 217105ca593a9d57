using System.Text.Json;
using Contrastive.Training;

namespace Contrastive.Samples;

/// <summary><c>summary.json</c>: every figure of a run and the settings that made it.</summary>
public static class SummaryFile
{
    /// <summary>
    /// Writes <c>{"results": […], "settings": {…}}</c> and whatever <paramref name="more"/> names, atomically. Property
    /// names become snake_case (recall_at_1); numbers that are not finite become null.
    /// </summary>
    public static void Write<TResult, TSettings>(
        string path, IReadOnlyList<TResult> results, TSettings settings, params (string Name, object Value)[] more)
    {
        var summary = new Dictionary<string, object?> { ["results"] = results, ["settings"] = settings };
        foreach (var (name, value) in more)
            summary.Add(name, value);
        AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(summary, SampleJson.Summary));
    }
}
