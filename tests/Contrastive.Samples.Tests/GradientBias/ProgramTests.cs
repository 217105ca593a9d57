using System.Text.Json;
using Contrastive.Samples.GradientBias;

namespace Contrastive.Samples.Tests.GradientBias;

public sealed class ProgramTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_quick_form_writes_the_summary_and_both_figures()
    {
        var (code, output, error) = Run(threads: 2, "--quick", "--out", _folder.Path("out"));

        code.Should().Be(0, error);
        output.Should().Contain("infonce").And.Contain("gamma-mean").And.Contain("L* =");
        foreach (var plot in new[] { "convergence.png", "bias.png" })
            File.ReadAllBytes(_folder.Path("out", plot))[..4].Should().Equal(0x89, (byte)'P', (byte)'N', (byte)'G');
        Directory.GetFiles(_folder.Path("out")).Should().HaveCount(3);

        using var summary = JsonDocument.Parse(File.ReadAllText(_folder.Path("out", "summary.json")));
        var root = summary.RootElement;
        root.EnumerateObject().Select(property => property.Name).Should().BeEquivalentTo("results", "bias", "settings");
        var results = root.GetProperty("results").EnumerateArray().Select(result =>
        {
            result.EnumerateObject().Select(property => property.Name).Should().Equal("loss", "noise", "runs");
            return (
                Loss: result.GetProperty("loss").GetString(),
                Noise: result.GetProperty("noise").GetDouble(),
                Runs: result.GetProperty("runs").EnumerateArray().Select(run => run.GetDouble()).ToArray());
        }).ToArray();
        results.Select(result => (result.Loss, result.Noise)).Should().Equal(
            ("infonce", 0), ("gamma-mean", 0), ("infonce", 1), ("gamma-mean", 1), ("infonce", 2), ("gamma-mean", 2));
        results.Should().OnlyContain(result => result.Runs.Length == 2 && result.Runs.All(run => run > 0 && run <= 1));
        results[1].Runs.Min().Should().BeGreaterThan(results[0].Runs.Max());

        var bias = root.GetProperty("bias").EnumerateArray().ToArray();
        bias.Select(entry => (entry.GetProperty("loss").GetString(), entry.GetProperty("batch_size").GetInt32())).Should().BeEquivalentTo(
            new[] { ("infonce", 8), ("gamma-mean", 8), ("infonce", 32), ("gamma-mean", 32), ("infonce", 256), ("gamma-mean", 256) });
        foreach (var entry in bias)
        {
            entry.GetProperty("relative_bias").GetDouble().Should().BeGreaterThanOrEqualTo(entry.GetProperty("corrected_relative_bias").GetDouble());
            entry.GetProperty("noise_floor").GetDouble().Should().BeGreaterThanOrEqualTo(0);
            if (entry.GetProperty("batch_size").GetInt32() == 256)
                entry.GetProperty("relative_bias").GetDouble().Should().BeLessThan(1e-6, "a batch of everything has no bias");
        }

        var optimum = root.GetProperty("settings").GetProperty("optimum");
        optimum.GetProperty("starts").GetArrayLength().Should().BeGreaterThan(1);
        optimum.GetProperty("spread").GetDouble().Should().BeLessThan(1e-9);
    }

    [Fact]
    public void A_seed_decides_every_figure_whatever_the_number_of_threads()
    {
        string[] arguments = ["--quick", "--runs", "3", "--steps", "70", "--batch-size", "10", "--seed", "7", "--out"];
        Run(threads: 1, [.. arguments, _folder.Path("one")]).Code.Should().Be(0);
        Run(threads: 3, [.. arguments, _folder.Path("three")]).Code.Should().Be(0);

        File.ReadAllText(_folder.Path("three", "summary.json")).Should().Be(File.ReadAllText(_folder.Path("one", "summary.json")));
    }

    /// <summary>Stopped in training, and again in the measurement of the bias after it: 6 runs, 6 measurements.</summary>
    [Fact]
    public void Stopped_it_keeps_what_is_finished_and_goes_on_to_the_same_figures()
    {
        string[] arguments = ["--quick", "--runs", "1", "--steps", "70", "--batch-size", "10", "--seed", "7", "--out"];
        Run(threads: 2, [.. arguments, _folder.Path("whole")]).Code.Should().Be(0);

        foreach (var stopAfter in new[] { 2, 5 })
        {
            var (code, output, finished) = Until(stopAfter);
            (code, finished).Should().Be((130, stopAfter));
            output.Should().Contain("; the same command goes on from there");
            Directory.GetFiles(_folder.Path("cut")).Should().HaveCount(stopAfter == 2 ? 1 : 2).And.OnlyContain(file => file.EndsWith(".jsonl"));
        }

        Run(threads: 1, "--quick", "--steps", "71", "--out", _folder.Path("cut")).Should().Match<(int Code, string Output, string Error)>(
            refused => refused.Code == 2 && refused.Error.Contains("made with runs 1 but now it is 2: choose another --out"));
        Until(int.MaxValue).Should().Match<(int Code, string Output, int Finished)>(
            ended => ended.Code == 0 && ended.Output.Contains("6 of 6 runs are finished already") && ended.Finished == 12 - 2 - 5);
        File.ReadAllText(_folder.Path("cut", "summary.json")).Should().Be(File.ReadAllText(_folder.Path("whole", "summary.json")));
        Directory.GetFiles(_folder.Path("cut")).Should().HaveCount(3);

        (int Code, string Output, int Finished) Until(int stopAfter)
        {
            using var stop = new CancellationTokenSource();
            var (output, finished) = (new StringWriter(), 0);
            var code = GradientBiasProgram.Run([.. arguments, _folder.Path("cut")], output, new StringWriter(), 1, Count, stop.Token);
            return (code, output.ToString(), finished);

            void Count()
            {
                if (++finished == stopAfter)
                    stop.Cancel();
            }
        }
    }

    [Fact]
    public void What_was_measured_is_saved_though_a_picture_cannot_be()
    {
        Directory.CreateDirectory(_folder.Path("out", "convergence.png"));

        var (code, _, error) = Run(threads: 2, "--quick", "--steps", "20", "--out", _folder.Path("out"));

        code.Should().Be(2);
        error.Should().Contain("convergence.png");
        File.Exists(_folder.Path("out", "summary.json")).Should().BeTrue();
    }

    [Theory]
    [InlineData("finished-runs.jsonl", "{}")]
    [InlineData("finished-runs.jsonl", "null")]
    [InlineData("finished-runs.jsonl", "half a line")]
    [InlineData("finished-runs.jsonl", """{"run":{"loss":"gamma","noise":0,"run":0},"result":null,"settings":{}}""")]
    [InlineData("finished-runs.jsonl", """{"run":{"loss":"gamma-mean","noise":0,"run":0},"result":{"key":{"loss":"gamma-mean","noise":0,"run":0},"steps":[0],"fractions":[0]},"settings":1}""")]
    [InlineData("finished-measurements.jsonl", """{"run":null,"result":null,"settings":{}}""")]
    public void A_damaged_file_of_finished_work_is_refused(string name, string line)
    {
        Directory.CreateDirectory(_folder.Path("out"));
        File.WriteAllText(_folder.Path("out", name), $"{line}\n{line}\n");

        Run(threads: 1, "--quick", "--out", _folder.Path("out")).Should().Match<(int Code, string Output, string Error)>(
            refused => refused.Code == 2 && refused.Error.Contains($"{name}, line 1") && refused.Error.Contains("remove the line or choose another --out"));
    }

    [Theory]
    [InlineData("--runs", "0", "--runs must lie between 1 and 1000 but is 0")]
    [InlineData("--steps", "0", "--steps must lie between 1 and 10000000 but is 0")]
    [InlineData("--steps", "many", "--steps: 'many' is not a whole number")]
    [InlineData("--batch-size", "1", "--batch-size must lie between 2 and 256 but is 1")]
    [InlineData("--batch-size", "257", "--batch-size must lie between 2 and 256 but is 257")]
    [InlineData("--seed", "-1", "--seed must lie between 0 and 2147483647 but is -1")]
    [InlineData("--epochs", "3", "--epochs")]
    [InlineData("--out", "", "--out is empty")]
    public void A_bad_option_is_refused_in_one_line(string option, string value, string words)
    {
        var (code, output, error) = Run(threads: 1, "--quick", option, value);

        code.Should().Be(2);
        output.Should().BeEmpty();
        error.Trim().Should().StartWith("error: ").And.Contain(words).And.NotContain("\n");
    }

    [Fact]
    public void A_file_in_the_place_of_the_folder_is_refused_before_anything_runs()
    {
        var (code, output, error) = Run(threads: 1, "--quick", "--out", _folder.File("taken", "text"));

        code.Should().Be(2);
        output.Should().BeEmpty();
        error.Should().Contain("is a file, not a folder");
        (code, output, error) = Run(threads: 1, "--quick", "--out", _folder.Path("taken", "within"));
        (code, output).Should().Be((2, ""));
        error.Should().Contain("is a file, not a folder");
    }

    [Fact]
    public void Help_names_every_option()
    {
        var (code, output, _) = Run(threads: 1, "--help");

        code.Should().Be(0);
        output.Should().ContainAll("--out", "--runs", "--steps", "--batch-size", "--seed", "--quick");
    }

    private static (int Code, string Output, string Error) Run(int threads, params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = GradientBiasProgram.Run(arguments, output, error, threads);
        return (code, output.ToString(), error.ToString());
    }
}
