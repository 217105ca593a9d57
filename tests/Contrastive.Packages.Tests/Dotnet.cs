using System.Diagnostics;
using System.Text;

namespace Contrastive.Packages.Tests;

/// <summary>The dotnet command, as a person would type it in a fresh terminal.</summary>
internal static class Dotnet
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    public static string Host { get; }
        = Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet";

    /// <summary>What it wrote. It must succeed.</summary>
    public static string Run(string folder, string? packageFolder, params string[] arguments)
        => Start(folder, packageFolder, Host, arguments);

    public static string Start(string folder, string? packageFolder, string program, params string[] arguments)
        => Follow(folder, packageFolder, null, program, arguments);

    /// <summary>The same; each line is also told as it comes.</summary>
    public static string Follow(string folder, string? packageFolder, Action<string>? onLine, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What the test run that started us says about its own build and runtime is not for the one we start.
        foreach (var name in start.Environment.Keys.ToArray())
        {
            if (name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || name.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)
                || name.StartsWith("DOTNET_GC", StringComparison.OrdinalIgnoreCase))
                start.Environment.Remove(name);
        }
        if (packageFolder is not null) start.Environment["NUGET_PACKAGES"] = packageFolder;
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        // Servers would outlive the test and hold our ends of their pipes.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["UseSharedCompilation"] = "false";
        // Short runs: nothing here is worth measuring for the compiler's second thoughts.
        start.Environment["DOTNET_TieredPGO"] = "0";
        // Every output folder would have a gigabyte of natives of its own.
        start.Environment["CreateHardLinksForCopyLocalIfPossible"] = "true";
        start.Environment["CreateHardLinksForPublishFilesIfPossible"] = "true";

        using var process = Process.Start(start)!;
        var output = ReadAsync(process.StandardOutput, onLine);
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} ran longer than {Limit}");
        }
        if (process.ExitCode != 0)
            throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)} failed ({process.ExitCode}):\n{output.Result}\n{errors.Result}");
        return output.Result;
    }

    private static async Task<string> ReadAsync(StreamReader reader, Action<string>? onLine)
    {
        var text = new StringBuilder();
        while (await reader.ReadLineAsync() is { } line)
        {
            onLine?.Invoke(line);
            text.Append(line).Append('\n');
        }
        return text.ToString();
    }
}
