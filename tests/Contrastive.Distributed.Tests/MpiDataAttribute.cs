using System.Diagnostics;
using System.Reflection;
using Xunit.Sdk;

namespace Contrastive.Distributed.Tests;

/// <summary>
/// A case of a test under a launcher. Where the launcher is not installed the case is skipped, with a message; with CI=true it runs, and fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class MpiDataAttribute : DataAttribute
{
    private readonly object[] _values;

    /// <param name="launcher">Which of <see cref="MpiLauncher.Names"/>.</param>
    /// <param name="values">What the test gets beside it.</param>
    public MpiDataAttribute(int launcher, params object[] values)
    {
        _values = [launcher, .. values];
        if (MpiLauncher.ReasonToSkip(launcher, Environment.GetEnvironmentVariable) is { } reason) Skip = reason;
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [_values];
}

/// <summary>The launchers of Open MPI and MPICH, and programs under them.</summary>
internal static class MpiLauncher
{
    public static IReadOnlyList<string> Names { get; } = ["mpirun.openmpi", "mpirun.mpich"];

    /// <summary>Null where the launcher is there, or has to be.</summary>
    public static string? ReasonToSkip(int launcher, Func<string, string?> environment)
        => IsThere(Names[launcher], environment("PATH") ?? "") || environment("CI") == "true"
            ? null
            : $"{Names[launcher]} is not installed (apt-get install openmpi-bin mpich)";

    public static (int Code, string Output) Start(int launcher, int size, string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        IsThere(Names[launcher], Environment.GetEnvironmentVariable("PATH") ?? "").Should().BeTrue($"{Names[launcher]} has to be installed where CI is true: .ci/run does it");
        // As root, and of more ranks than cores, on one machine.
        string[] options = launcher == 0 ? ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"] : [];
        return Run(Names[launcher], [.. options, "-n", $"{size}", "dotnet", program, .. arguments], environment);
    }

    public static (int Code, string Output) Run(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["TERM"] = "dumb";
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(TimeSpan.FromSeconds(90)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end");
        }
        return (process.ExitCode, output.Result + errors.Result);
    }

    private static bool IsThere(string name, string path) => path.Split(':').Any(folder => File.Exists(Path.Combine(folder, name)));
}
