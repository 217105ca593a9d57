using System.Runtime.InteropServices;
using TorchSharp;

namespace Contrastive.Benchmarks.Reporting;

/// <summary>What the figures depend on.</summary>
internal static class Machine
{
    public static string Describe(int threads)
        => $"{Processor()}, {Environment.ProcessorCount} cores, {threads} thread{(threads == 1 ? "" : "s")} of libtorch {torch.__version__}; "
        + $"{RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}; float32, forward and backward";

    private static string Processor()
    {
        const string File = "/proc/cpuinfo";
        var model = OperatingSystem.IsLinux()
            ? System.IO.File.ReadLines(File).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
            : null;
        return model ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
