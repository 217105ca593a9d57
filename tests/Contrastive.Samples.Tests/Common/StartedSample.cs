using System.Diagnostics;
using System.Text;

namespace Contrastive.Samples.Tests.Common;

/// <summary>A sample as a process of its own, as a person starts it.</summary>
internal sealed class StartedSample : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    private readonly StringBuilder _said = new();
    private readonly Process _process;

    public StartedSample(string name, params string[] arguments)
    {
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(dotnet, [Path.Combine(AppContext.BaseDirectory, $"{name}.dll"), .. arguments])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        _process.OutputDataReceived += (_, line) => Hear(line.Data);
        _process.ErrorDataReceived += (_, line) => Hear(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Everything it has written so far, to its output and to its errors.</summary>
    public string Said
    {
        get
        {
            lock (_said)
                return _said.ToString();
        }
    }

    /// <summary>Whether SIGINT, number 2, is among the signals that it inherited as ignored. Not known but on Linux.</summary>
    public bool IgnoresInterrupts
        => OperatingSystem.IsLinux() && File.ReadLines($"/proc/{_process.Id}/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is var mask
            && (Convert.ToInt64(mask.Split('\t')[1], 16) & 0b10) != 0;

    public void WaitFor(Func<bool> sign)
    {
        var clock = Stopwatch.StartNew();
        while (!sign())
        {
            (_process.HasExited || clock.Elapsed > Longest).Should().BeFalse($"it should go on: {Said}");
            Thread.Sleep(20);
        }
    }

    /// <summary>Sends a signal, such as TERM.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("sh", ["-c", $"kill -{name} {_process.Id}"]);
        kill.WaitForExit();
        kill.ExitCode.Should().Be(0);
    }

    /// <returns>The exit code.</returns>
    public int End()
    {
        _process.WaitForExit(Longest).Should().BeTrue($"it should end: {Said}");
        // Once more without a limit: then all that it wrote is here.
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Hear(string? line)
    {
        lock (_said)
        {
            if (line is not null)
                _said.AppendLine(line);
        }
    }
}
