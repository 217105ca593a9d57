using System.Diagnostics;
using System.Globalization;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>Processes under the launchers of Open MPI and MPICH. `.ci/run` installs both; elsewhere what is missing is left out, with a message.</summary>
public class MpiTests
{
    private static readonly string[] Launchers = ["mpirun.openmpi", "mpirun.mpich"];

    [Theory]
    [InlineData(0, 2)]
    [InlineData(0, 3)]
    [InlineData(1, 2)]
    [InlineData(1, 3)]
    public void Processes_train_as_one_does(int launcher, int size)
    {
        if (Start(launcher, size, "train") is not var (code, output)) return;
        code.Should().Be(0, output);
        Numbers(output).Should().HaveCount(5);
        foreach (var (actual, expected) in Numbers(output).Zip(Numbers(Alone())))
            actual.Should().BeApproximately(expected, 1e-10);
    }

    [Theory]
    [InlineData(0, "throw", "rank 1 of 2", "thrown by the test")]
    [InlineData(0, "exit", "rank 1 of 2", "the process ends with code 0")]
    [InlineData(0, "hang", "rank 0 of 2", "waited 5 s in Barrier")]
    [InlineData(0, "kill", "rank 1", "signal 9")]
    [InlineData(1, "throw", "rank 1 of 2", "thrown by the test")]
    [InlineData(1, "exit", "rank 1 of 2", "the process ends with code 0")]
    [InlineData(1, "hang", "rank 0 of 2", "waited 5 s in Barrier")]
    [InlineData(1, "kill", "EXIT CODE: 9", "PID ")]
    public void When_one_process_cannot_go_on_all_end_and_say_which_it_was(int launcher, string scenario, string who, string what)
    {
        var watch = Stopwatch.StartNew();
        if (Start(launcher, 2, scenario) is not var (code, output)) return;
        code.Should().NotBe(0, output);
        output.Should().Contain(who).And.Contain(what);
        watch.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(60));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_rank_that_dies_while_it_writes_a_checkpoint_leaves_the_one_before(int launcher)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Path("run.ckpt");
        if (Start(launcher, 2, "save", path) is not var (code, output)) return;
        code.Should().NotBe(0, output);
        output.Should().Contain(launcher == 0 ? "rank 0" : "EXIT CODE: 9");
        Directory.GetFiles(folder.Root).Should().HaveCount(2, "it was killed in the middle");
        using var module = nn.Linear(6000, 1000);
        var file = CheckpointFile.Open(path);
        file.Header<long>().Should().BeGreaterThan(0);
        file.Restore(new CheckpointParts().Module("tower", module));
    }

    private static double[] Numbers(string output)
    {
        var line = output.Split('\n').Single(line => line.Contains("trained ", StringComparison.Ordinal));
        return [.. line[(line.IndexOf("trained ", StringComparison.Ordinal) + 8)..].Trim().Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
    }

    private static string Alone() => Run("dotnet", [Program, "train"]).Output;

    // From its own folder: the copy beside these tests is instrumented where coverage is measured, and its processes write the same file.
    private static string Program => Path.Combine(
        AppContext.BaseDirectory.Replace("Contrastive.Distributed.Tests", "Contrastive.Distributed.Program"),
        "Contrastive.Distributed.Program.dll");

    /// <summary>Null where the launcher is not installed; with CI=true that is a failure.</summary>
    private static (int Code, string Output)? Start(int launcher, int size, params string[] arguments)
    {
        var name = Launchers[launcher];
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, name))))
        {
            Environment.GetEnvironmentVariable("CI").Should().NotBe("true", $"{name} is missing: .ci/run installs it");
            Console.WriteLine($"left out: {name} is not installed (apt-get install openmpi-bin mpich)");
            return null;
        }
        string[] options = launcher == 0 ? ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"] : [];
        return Run(name, [.. options, "-n", $"{size}", "dotnet", Program, .. arguments]);
    }

    private static (int Code, string Output) Run(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["TERM"] = "dumb";
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(TimeSpan.FromSeconds(90)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end");
        }
        return (process.ExitCode, output.Result + errors.Result);
    }
}
