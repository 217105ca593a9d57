using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Contrastive.Benchmarks.Cases;
using Contrastive.Benchmarks.Reporting;

namespace Contrastive.Benchmarks.Memory;

/// <summary>Starts this program again as a child that takes the memory of one thing alone.</summary>
internal sealed class ProbeProcess(int threads, CancellationToken cancellation)
{
    /// <summary>One form of one case.</summary>
    /// <exception cref="InvalidOperationException">The child failed.</exception>
    public ProbeResult Run(StepCase step, StepForm form)
        => Run($"{step}, {form}", BenchmarkCommand.Probe, step.Name, Text(step.Batch), Text(step.Dim), "--form", form.ToString());

    /// <summary>One step with encoders.</summary>
    /// <exception cref="InvalidOperationException">The child failed.</exception>
    public ProbeResult Run(BeyondPoint point)
        => Run(point.ToString(), [BenchmarkCommand.BeyondProbe, .. point.Arguments]);

    private ProbeResult Run(string what, params IEnumerable<string> arguments)
    {
        cancellation.ThrowIfCancellationRequested();
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Started as "dotnet program.dll" the process is dotnet itself.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(ProbeProcess).Assembly.Location);
        foreach (var argument in arguments.Concat(["--threads", Text(threads)])) start.ArgumentList.Add(argument);

        using var child = Process.Start(start)!;
        using var stop = cancellation.Register(() => child.Kill());
        var errors = child.StandardError.ReadToEndAsync(CancellationToken.None);
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        cancellation.ThrowIfCancellationRequested();
        if (child.ExitCode != 0)
            throw new InvalidOperationException($"the memory probe of {what} ended with code {child.ExitCode}: {errors.Result}");
        return JsonSerializer.Deserialize<ProbeResult>(output, ResultFile.Json)!;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
