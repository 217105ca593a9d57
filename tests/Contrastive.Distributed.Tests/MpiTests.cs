using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>Processes under the launchers of Open MPI and MPICH. `.ci/run` installs both; elsewhere tests of what is missing are skipped, with a message.</summary>
public class MpiTests
{
    [Theory]
    [MpiData(0, 2)]
    [MpiData(0, 3)]
    [MpiData(1, 2)]
    [MpiData(1, 3)]
    public void Processes_train_as_one_does(int launcher, int size)
    {
        var (code, output) = MpiLauncher.Start(launcher, size, Program, ["train"]);
        code.Should().Be(0, output);
        Numbers(output).Should().HaveCount(5);
        foreach (var (actual, expected) in Numbers(output).Zip(Numbers(Alone())))
            actual.Should().BeApproximately(expected, 1e-10);
    }

    [Theory]
    [MpiData(0, "throw", "rank 1 of 2", "thrown by the test")]
    [MpiData(0, "exit", "rank 1 of 2", "the process ends with code 0")]
    [MpiData(0, "hang", "rank 0 of 2", "waited 5 s in Barrier")]
    [MpiData(0, "kill", "rank 1", "signal 9")]
    [MpiData(1, "throw", "rank 1 of 2", "thrown by the test")]
    [MpiData(1, "exit", "rank 1 of 2", "the process ends with code 0")]
    [MpiData(1, "hang", "rank 0 of 2", "waited 5 s in Barrier")]
    [MpiData(1, "kill", "EXIT CODE: 9", "PID ")]
    public void When_one_process_cannot_go_on_all_end_and_say_which_it_was(int launcher, string scenario, string who, string what)
    {
        var watch = Stopwatch.StartNew();
        var (code, output) = MpiLauncher.Start(launcher, 2, Program, [scenario]);
        code.Should().NotBe(0, output);
        output.Should().Contain(who).And.Contain(what);
        watch.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(60));
    }

    /// <summary>MPICH names a killed process alone; the ranks have said which is whose.</summary>
    [Theory]
    [MpiData(1)]
    public void Ranks_name_their_processes_when_they_are_asked_to(int launcher)
    {
        var (_, output) = MpiLauncher.Start(launcher, 2, Program, ["kill"], (Launcher.RanksVariable, "1"));
        var process = Regex.Match(output, @"rank 1 of 2 \(process (\d+) on .*\): started").Groups[1].Value;
        process.Should().NotBeEmpty(output);
        output.Should().Contain($"PID {process} ");
    }

    [Theory]
    [MpiData(0)]
    [MpiData(1)]
    public void A_rank_that_dies_while_it_writes_a_checkpoint_leaves_the_one_before(int launcher)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Path("run.ckpt");
        var (code, output) = MpiLauncher.Start(launcher, 2, Program, ["save", path]);
        code.Should().NotBe(0, output);
        output.Should().Contain(launcher == 0 ? "rank 0" : "EXIT CODE: 9");
        Directory.GetFiles(folder.Root).Should().HaveCount(2, "it was killed in the middle");
        using var module = nn.Linear(6000, 1000);
        var file = CheckpointFile.Open(path);
        file.Header<long>().Should().BeGreaterThan(0);
        file.Restore(new CheckpointParts().Module("tower", module));
    }

    /// <summary>The example that users copy: float32, so that sums in another order round otherwise; 1e-2 of the loss, and 2 of 200 items.</summary>
    [Theory]
    [MpiData(0, 2)]
    [MpiData(0, 4)]
    [MpiData(1, 2)]
    [MpiData(1, 4)]
    public void The_example_does_under_mpirun_what_it_does_alone(int launcher, int size)
    {
        var (code, output) = MpiLauncher.Start(launcher, size, Of("Contrastive.Distributed.Example"), []);
        code.Should().Be(0, output);
        output.Should().Contain($"{size} process(es)");
        var alone = MpiLauncher.Run("dotnet", [Of("Contrastive.Distributed.Example")]).Output;
        var (actual, expected) = (Figures(output), Figures(alone));
        actual.Losses.Should().HaveCount(5, "one rank prints");
        foreach (var (loss, other) in actual.Losses.Zip(expected.Losses)) loss.Should().BeApproximately(other, 0.01);
        actual.Recall.Should().BeApproximately(expected.Recall, 1);
        expected.Recall.Should().BeGreaterThan(20);

        static (double[] Losses, double Recall) Figures(string output) => (
            [.. Regex.Matches(output, @"epoch \d: loss (\S+)").Select(match => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))],
            double.Parse(Regex.Match(output, @"recall@1 ([\d.]+)").Groups[1].Value, CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData(null, "", "mpirun.mpich is not installed (apt-get install openmpi-bin mpich)")]
    [InlineData("false", "", "mpirun.mpich is not installed (apt-get install openmpi-bin mpich)")]
    [InlineData("true", "", null)]
    public void A_missing_launcher_skips_tests_but_where_CI_is_true(string? ci, string path, string? reason)
        => MpiLauncher.ReasonToSkip(1, name => name == "CI" ? ci : path).Should().Be(reason);

    private static double[] Numbers(string output)
    {
        var line = output.Split('\n').Single(line => line.Contains("trained ", StringComparison.Ordinal));
        return [.. line[(line.IndexOf("trained ", StringComparison.Ordinal) + 8)..].Trim().Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
    }

    private static string Alone() => MpiLauncher.Run("dotnet", [Program, "train"]).Output;

    private static string Program => Of("Contrastive.Distributed.Program");

    // From its own folder: the copy beside these tests is instrumented where coverage is measured, and its processes write the same file.
    private static string Of(string project)
        => Path.Combine(AppContext.BaseDirectory.Replace("Contrastive.Distributed.Tests", project), $"{project}.dll");
}
