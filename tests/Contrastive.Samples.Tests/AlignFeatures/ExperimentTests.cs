using System.Text.Json;
using Contrastive.Samples.AlignFeatures;
using TorchSharp;

namespace Contrastive.Samples.Tests.AlignFeatures;

public sealed class ExperimentTests : IDisposable
{
    private static readonly string[] Small = ["--quick", "--epochs", "3", "--seeds", "2", "--loss", "infonce,gamma,gamma-mean", "--batch-size", "16,32", "--hidden", "16", "--features", "8"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_quick_run_writes_everything_it_promises()
    {
        var (code, output, error) = RunProgram.With([.. Small, "--out", _folder.Path("out")]);

        code.Should().Be(0, error);
        output.Should().ContainAll("R@1", "R@10", "MRR", "mAP", "gamma-mean B=16 - infonce B=16", "gamma-mean B=16 - infonce B=32", "infonce B=16 - infonce B=32");
        File.ReadAllBytes(_folder.Path("out", "curves.png"))[1..4].Should().Equal("PNG"u8.ToArray());
        using var summary = JsonDocument.Parse(File.ReadAllText(_folder.Path("out", "summary.json")));
        var results = summary.RootElement.GetProperty("results").EnumerateArray().ToArray();
        results.Should().HaveCount(12);
        foreach (var result in results)
        {
            result.GetProperty("structure").GetString().Should().Be("none");
            result.GetProperty("recall_at_1").GetDouble().Should().BeInRange(0.02, result.GetProperty("recall_at_5").GetDouble());
            result.GetProperty("recall_at_10").GetDouble().Should().BeInRange(result.GetProperty("recall_at_5").GetDouble(), 1);
            result.GetProperty("mrr").GetDouble().Should().BeInRange(0.05, 1);
            result.GetProperty("map").GetDouble().Should().BeInRange(0.1, 1);
            result.GetProperty("modality_gap").GetDouble().Should().BeInRange(0, 2);
            result.GetProperty("alignment").GetDouble().Should().BeInRange(0, 4);
            result.GetProperty("uniformity").GetDouble().Should().BeInRange(-8, 0);
            result.GetProperty("seconds").GetDouble().Should().BePositive();
            var towers = _folder.Path("out", $"towers-{result.GetProperty("loss")}-b{result.GetProperty("batch_size")}-s{result.GetProperty("seed")}.safetensors");
            using var pair = TowerPair.Load(towers);
            using var embedding = pair.Left.call(torch.zeros(2, 32));
            embedding.shape.Should().Equal(2, 8);
        }

        var settings = summary.RootElement.GetProperty("settings");
        settings.GetProperty("epochs").GetInt32().Should().Be(3);
        settings.GetProperty("loss").GetArrayLength().Should().Be(3);
        Directory.GetFiles(_folder.Path("out"), "*.tmp").Should().BeEmpty();
    }

    /// <summary>Stops the program at a step, as Ctrl-C would, and goes on: every figure must be that of a run never stopped.</summary>
    [Theory]
    [InlineData(20)]   // the second epoch of the first run
    [InlineData(45)]   // between two runs
    [InlineData(150)]  // another batch size
    [InlineData(390)]  // the last run
    public void A_resumed_experiment_ends_with_the_same_figures_and_towers_bit_for_bit(int stopAfter)
    {
        RunProgram.With([.. Small, "--out", _folder.Path("whole")]).Code.Should().Be(0);

        RunProgram.Stopping(stopAfter, [.. Small, "--out", _folder.Path("cut")]).Should().Match<(int Code, string Output, string Error)>(
            stopped => stopped.Code == 130 && stopped.Output.Contains("stopped after step"));
        File.Exists(_folder.Path("cut", "summary.json")).Should().BeFalse();
        var (code, error, steps) = RunProgram.Counting([.. Small, "--out", _folder.Path("cut"), "--resume"]);

        code.Should().Be(0, error);
        // 240 training items: 15 steps an epoch at batches of 16, 7 of 32; 3 epochs, 3 losses, 2 seeds. None is taken twice.
        steps.Should().Be(((15 + 7) * 3 * 3 * 2) - stopAfter);
        Figures(_folder.Path("cut")).Should().Equal(Figures(_folder.Path("whole")));
        foreach (var towers in Directory.GetFiles(_folder.Path("whole"), "towers-*"))
            File.ReadAllBytes(_folder.Path("cut", Path.GetFileName(towers))).Should().Equal(File.ReadAllBytes(towers), towers);
    }

    [Fact]
    public void A_stopped_experiment_goes_on_by_itself_and_is_not_overwritten()
    {
        string[] run = ["--quick", "--loss", "infonce,gamma", "--batch-size", "16"];
        RunProgram.With([.. run, "--out", _folder.Path("whole")]).Code.Should().Be(0);
        RunProgram.Stopping(20, [.. run, "--out", _folder.Path("cut")]).Should().Match<(int Code, string Output, string Error)>(
            stopped => stopped.Code == 130 && stopped.Output.Contains("the same command goes on from there"));
        var checkpoint = File.ReadAllBytes(_folder.Path("cut", "checkpoint.zip"));

        // Another experiment, or the checkpoint of another folder, in its place.
        RunProgram.With([.. run, "--temperature", "0.2", "--out", _folder.Path("cut")]).Should().Match<(int Code, string Output, string Error)>(
            refused => refused.Code == 2 && refused.Error.Contains("--temperature 0.1 but now it is 0.2: choose another --out"));
        RunProgram.With([.. run, "--resume", _folder.Path("whole", "checkpoint.zip"), "--out", _folder.Path("cut")]).Should().Match<(int Code, string Output, string Error)>(
            refused => refused.Code == 2 && refused.Error.Contains("choose another --out"));
        File.ReadAllBytes(_folder.Path("cut", "checkpoint.zip")).Should().Equal(checkpoint);

        var (code, error, steps) = RunProgram.Counting([.. run, "--out", _folder.Path("cut")]);
        code.Should().Be(0, error);
        // 240 training items, 2 epochs, 2 runs.
        steps.Should().Be((15 * 2 * 2) - 20);
        Figures(_folder.Path("cut")).Should().Equal(Figures(_folder.Path("whole")));
        RunProgram.With([.. run, "--out", _folder.Path("cut")]).Output.Should().Contain("2 of 2 runs are finished already");
    }

    [Fact]
    public void A_damaged_checkpoint_in_the_folder_is_refused_with_what_can_be_done()
    {
        Directory.CreateDirectory(_folder.Path("out"));
        File.WriteAllText(_folder.Path("out", "checkpoint.zip"), "no checkpoint");

        RunProgram.ShouldRefuse(_folder, ["--quick"], "checkpoint.zip", "remove it or choose another --out");
    }

    [Fact]
    public void What_was_measured_is_saved_though_the_picture_cannot_be()
    {
        Directory.CreateDirectory(_folder.Path("out", "curves.png"));

        var (code, _, error) = RunProgram.With("--quick", "--out", _folder.Path("out"));

        code.Should().Be(2);
        error.Should().Contain("curves.png");
        Figures(_folder.Path("out")).Should().HaveCount(4);
    }

    /// <summary>The weights grow a hundredfold a step: step 10, the last of an epoch here, has a finite objective and leaves too much.</summary>
    [Theory]
    [InlineData(240)]
    [InlineData(48)]
    public void Features_that_are_no_longer_finite_end_the_run_by_step_and_name(int batchSize)
    {
        var (code, _, error) = RunProgram.With(
            "--quick", "--loss", "infonce", "--learning-rate", "10", "--weight-decay", "10", "--epochs", "50", "--batch-size", $"{batchSize}", "--out", _folder.Path("out"));

        code.Should().Be(2, error);
        error.Should().MatchRegex(
            @"seed 0: the features of held-out items: \d+ of \d+ numbers are not finite, the first at \[\d+, \d+\] after step 10 of ");
    }

    [Theory]
    [InlineData("1")]
    [InlineData("1s")]
    public void How_often_a_checkpoint_is_written_changes_no_figure(string every)
    {
        RunProgram.With("--quick", "--out", _folder.Path("a")).Code.Should().Be(0);
        RunProgram.With("--quick", "--checkpoint-every", every, "--out", _folder.Path("b")).Code.Should().Be(0);

        Figures(_folder.Path("b")).Should().Equal(Figures(_folder.Path("a")));
        RunProgram.ShouldRefuse(_folder, ["--checkpoint-every", "often"], "--checkpoint-every", "'often'");
    }

    [Fact]
    public void An_objective_that_is_no_longer_finite_ends_the_run_by_step_and_name()
    {
        var (code, _, error) = RunProgram.With("--quick", "--learning-rate", "10", "--weight-decay", "10", "--temperature", "0.001", "--epochs", "50", "--out", _folder.Path("out"));

        code.Should().Be(2);
        error.Should().MatchRegex(@"error: \S+ B=8 seed 0: \S+ is (NaN|-?∞|-?Infinity) after step \d+ of 1500");
    }

    [Fact]
    public void A_finished_experiment_is_only_reported_again()
    {
        RunProgram.With("--quick", "--out", _folder.Path("out")).Code.Should().Be(0);
        var before = Figures(_folder.Path("out"), withSeconds: true);

        RunProgram.With("--quick", "--out", _folder.Path("out"), "--resume").Code.Should().Be(0);

        Figures(_folder.Path("out"), withSeconds: true).Should().Equal(before);
    }

    [Fact]
    public void The_same_seed_gives_the_same_figures_and_another_seed_others()
    {
        RunProgram.With("--quick", "--out", _folder.Path("a")).Code.Should().Be(0);
        RunProgram.With("--quick", "--out", _folder.Path("b")).Code.Should().Be(0);
        RunProgram.With("--quick", "--seeds", "5,6", "--out", _folder.Path("c")).Code.Should().Be(0);

        Figures(_folder.Path("a")).Should().Equal(Figures(_folder.Path("b")));
        Figures(_folder.Path("c")).Should().NotIntersectWith(Figures(_folder.Path("a")));
    }

    [Fact]
    public void Resuming_under_other_settings_or_data_or_from_a_damaged_file_is_refused_and_changes_nothing()
    {
        var left = _folder.File("left.npy", NpyBytes.Features(60, 3, (r, c) => MathF.Sin(r * (c + 1))));
        var right = _folder.File("right.npy", NpyBytes.Features(60, 2, (r, c) => MathF.Cos(r * (c + 2))));
        string[] run = ["--left", left, "--right", right, "--epochs", "2", "--seeds", "1", "--batch-size", "8"];
        RunProgram.With([.. run, "--out", _folder.Path("first")]).Code.Should().Be(0);
        var checkpoint = _folder.Path("first", "checkpoint.zip");

        RunProgram.ShouldRefuse(_folder, [.. run, "--temperature", "0.2", "--resume", checkpoint], checkpoint, "--temperature 0.1", "0.2");
        RunProgram.ShouldRefuse(_folder, [.. run, "--loss", "gamma", "--resume", checkpoint], checkpoint, "--loss infonce,gamma,gamma-mean", "it is gamma");
        RunProgram.ShouldRefuse(_folder, ["--left", right, "--right", left, .. run[4..], "--resume", checkpoint], checkpoint, "other data");
        RunProgram.ShouldRefuse(_folder, [.. run, "--resume"], "checkpoint.zip", "no such");

        var damaged = File.ReadAllBytes(checkpoint);
        damaged[damaged.Length / 2] ^= 1;
        RunProgram.ShouldRefuse(_folder, [.. run, "--resume", _folder.File("damaged.zip", damaged)], "damaged.zip");
        RunProgram.ShouldRefuse(_folder, [.. run, "--resume", _folder.File("cut.zip", damaged[..100])], "cut.zip");
    }

    [Fact]
    public void Steps_and_epochs_leave_no_tensors_behind()
    {
        // A run's own parameters are counted as alive after they went into their module: the same number for any length.
        Left(epochs: "4").Should().Be(Left(epochs: "2"));

        long Left(string epochs)
        {
            var attempt = 0;
            return TensorCount.Left(() => RunProgram
                .With("--quick", "--epochs", epochs, "--out", _folder.Path($"{epochs}-{++attempt}")).Code.Should().Be(0));
        }
    }

    private static string[] Figures(string folder, bool withSeconds = false)
    {
        using var summary = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "summary.json")));
        return
        [
            .. from result in summary.RootElement.GetProperty("results").EnumerateArray()
               select string.Join(';', result.EnumerateObject().Where(p => withSeconds || p.Name != "seconds").Select(p => p.ToString())),
            summary.RootElement.GetProperty("curves").ToString(),
        ];
    }
}
