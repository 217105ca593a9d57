using System.Text.Json;
using System.Text.RegularExpressions;
using Contrastive.Samples.Tests.AlignFeatures;
using Contrastive.Samples.Tests.ImageSearch;
using Contrastive.Samples.Tests.ShapesClip;

namespace Contrastive.Samples.Tests.Common;

/// <summary>Samples that are stopped by a signal, as kill, a container or a job scheduler does it.</summary>
public sealed partial class SignalTests : IDisposable
{
    // So long that they never end by themselves.
    private const string Epochs = "100000";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("TERM", 143)]
    [InlineData("INT", 130)]
    public void AlignFeatures_writes_a_checkpoint_and_goes_on_from_it(string signal, int code)
    {
        if (OperatingSystem.IsWindows())
            return;
        string[] arguments = ["--quick", "--epochs", Epochs, "--loss", "infonce", "--checkpoint-every", "40", "--out", _folder.Path("out")];
        using var sample = new StartedSample("AlignFeatures", arguments);
        sample.WaitFor(() => File.Exists(_folder.Path("out", "checkpoint.zip")));
        // As all of a shell script's background jobs do, the tests among them: then the sample does so too.
        if (signal == "INT" && sample.IgnoresInterrupts)
            return;

        sample.Signal(signal);

        sample.End().Should().Be(code, sample.Said);
        sample.Said.Should().Contain("the same command goes on from there").And.Contain($"{Environment.NewLine}stopped{Environment.NewLine}");
        RunProgram.Stopping(1, arguments).Output.Should().Contain($"goes on after step {StoppedAfter(sample)} of ");
    }

    [Fact]
    public void ShapesClip_writes_the_checkpoints_of_all_runs_under_way()
    {
        if (OperatingSystem.IsWindows())
            return;
        string[] arguments = [.. Tiny.Training(_folder.Path("out"), int.Parse(Epochs)), "--seeds", "2", "--workers", "2", "--checkpoint-every", "10"];
        using var sample = new StartedSample("ShapesClip", arguments);
        sample.WaitFor(() => Directory.Exists(_folder.Path("out", "runs")) && Directory.GetFiles(_folder.Path("out", "runs"), "*.checkpoint").Length == 2);

        sample.Signal("TERM");

        sample.End().Should().Be(143, sample.Said);
        sample.Said.Should().Contain("the same command goes on from there");
        var (_, output, _) = RunShapes.Stopping(1, arguments);
        Steps(sample.Said, StoppedLine()).Should().HaveCount(2).And.BeEquivalentTo(Steps(output, GoesOnLine()));
    }

    [Fact]
    public void GradientBias_keeps_what_is_finished()
    {
        if (OperatingSystem.IsWindows())
            return;
        using var sample = new StartedSample("GradientBias", "--runs", "1000", "--steps", "50", "--out", _folder.Path("out"));
        sample.WaitFor(() => File.Exists(_folder.Path("out", "finished-runs.jsonl")));

        sample.Signal("TERM");

        sample.End().Should().Be(143, sample.Said);
        sample.Said.Should().Contain("the same command goes on from there");
        using var finished = JsonDocument.Parse(File.ReadLines(_folder.Path("out", "finished-runs.jsonl")).First());
        finished.RootElement.GetProperty("result").GetProperty("fractions").GetArrayLength().Should().BePositive();
    }

    [Fact]
    public void ImageSearch_serves_until_it_is_asked_to_stop()
    {
        if (OperatingSystem.IsWindows())
            return;
        using var trained = new TrainedOnRedAndBlue();
        using var sample = new StartedSample("ImageSearch", "serve", "--model", trained.Model, "--port", "0");
        sample.WaitFor(() => sample.Said.Contains("listening on http://127.0.0.1:", StringComparison.Ordinal));

        sample.Signal("TERM");

        sample.End().Should().Be(0, sample.Said);
    }

    private static string StoppedAfter(StartedSample sample) => Steps(sample.Said, StoppedLine()).Should().ContainSingle().Subject;

    private static string[] Steps(string output, Regex line) => [.. line.Matches(output).Select(match => match.Groups[1].Value)];

    [GeneratedRegex("stopped after step ([0-9]+) of ")]
    private static partial Regex StoppedLine();

    [GeneratedRegex("goes on after step ([0-9]+) of ")]
    private static partial Regex GoesOnLine();
}
