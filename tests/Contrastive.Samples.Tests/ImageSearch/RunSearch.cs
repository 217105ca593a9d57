using System.Text.Json;
using Contrastive.Samples.ImageSearch;

namespace Contrastive.Samples.Tests.ImageSearch;

/// <summary>Runs ImageSearch in this process.</summary>
internal static class RunSearch
{
    /// <summary>Towers that train in a moment.</summary>
    public static readonly string[] Tiny =
        ["--buckets", "256", "--channels", "4", "--features", "16", "--picture-size", "16", "--batch-size", "4", "--probe-draws", "1"];

    public static (int Code, string Output, string Error) With(params string[] arguments) => Stopping(int.MaxValue, arguments);

    /// <summary>As if Ctrl-C were pressed after a number of training steps.</summary>
    public static (int Code, string Output, string Error) Stopping(int afterSteps, params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        using var stop = new CancellationTokenSource();
        var code = ImageSearchProgram.Run(arguments, TextWriter.Synchronized(output), error, Count, stop.Token);
        return (code, output.ToString(), error.ToString());

        void Count()
        {
            if (Interlocked.Decrement(ref afterSteps) == 0)
                stop.Cancel();
        }
    }

    public static JsonElement[] Results(string folder)
    {
        using var summary = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "summary.json")));
        return [.. summary.RootElement.GetProperty("results").EnumerateArray().Select(result => result.Clone())];
    }
}
