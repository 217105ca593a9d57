using Contrastive.Samples.ShapesClip;

namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class StudyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_study_that_was_stopped_twice_ends_with_the_same_tables_weights_and_pictures()
    {
        // Two runs of 20 steps.
        var (code, whole, error) = RunShapes.With(Study("whole"));
        code.Should().Be(0, error);

        RunShapes.Stopping(7, Study("cut")).Code.Should().Be(130);
        RunShapes.Stopping(19, Study("cut")).Code.Should().Be(130);
        var (_, resumed, _) = RunShapes.With(Study("cut"));

        resumed.Should().Contain("1 of 2 runs are finished already");
        Tables(resumed).Should().Be(Tables(whole)).And.Contain("infonce + all");
        Same.Models(_folder.Path("whole"), _folder.Path("cut"));
        foreach (var picture in new[] { "planes.png", "bridges.png" })
            File.ReadAllBytes(_folder.Path("cut", picture)).Should().Equal(File.ReadAllBytes(_folder.Path("whole", picture)), picture);
        Directory.GetFiles(_folder.Path("cut"), "*.checkpoint", SearchOption.AllDirectories).Should().BeEmpty();
    }

    [Fact]
    public void A_finished_study_is_reported_again_without_training_but_not_with_other_settings()
    {
        var study = Study("out", "none");
        var (code, output, error) = RunShapes.With(study);
        code.Should().Be(0, error);

        RunShapes.With([.. study, "--checkpoint-every", "1"]).Output.Should().Contain("1 of 1 runs are finished already").And.EndWith(Tables(output) + output[output.IndexOf("written:", StringComparison.Ordinal)..]);
        RunShapes.With([.. study, "--temperature", "0.1"]).Should().Match<(int Code, string Output, string Error)>(
            refused => refused.Code == 2 && refused.Error.Contains("made with temperature 0.07 but now it is 0.1"));

        var file = _folder.Path("out", "runs.jsonl");
        File.WriteAllText(file, "{\n{\n");
        RunShapes.With(study).Should().Match<(int Code, string Output, string Error)>(refused => refused.Code == 2 && refused.Error.Contains(file));
    }

    [Fact]
    public void Its_tables_fit_100_columns()
    {
        var (code, output, error) = RunShapes.With(Study("wide", "none,consistency", "1,2"));
        code.Should().Be(0, error);
        var report = output[output.IndexOf("Zero-shot accuracy", StringComparison.Ordinal)..output.IndexOf("written:", StringComparison.Ordinal)];
        var tables = report.Split('\n').Where(line => line.Contains("  ")).ToArray();
        tables.Should().Contain(line => line.Contains("consistency") && line.Contains('±')).And.Contain(line => line.StartsWith("difference "));
        tables.Where(line => line.Length > 100).Should().BeEmpty();
    }

    [Fact]
    public void Studies_set_what_they_compare_and_any_option_may_be_set_otherwise()
    {
        var command = new ShapesCommand();

        var sizes = command.Settings(command.Root.Parse(["study", "batch-size"]));
        sizes.Losses.Should().Equal("infonce", "gamma-mean");
        sizes.BatchSizes.Should().Equal(16, 32, 64, 128, 256);
        sizes.Structures.Should().Equal("none");
        sizes.Seeds.Should().Equal(1, 2, 3);
        var structures = command.Settings(command.Root.Parse(["study", "structures", "--seeds", "4,5", "--loss", "gamma"]));
        structures.Structures.Should().Equal("none", "four-part", "cyclip", "separation", "bridge", "consistency", "all");
        structures.BatchSizes.Should().ContainSingle();
        structures.Losses.Should().Equal("gamma");
        structures.Seeds.Should().Equal(4, 5);
        command.Settings(command.Root.Parse(["--seeds", "7,"])).Seeds.Should().Equal(7);
        command.Settings(command.Root.Parse([])).Should().BeEquivalentTo(new { Losses = new[] { "infonce" }, Structures = new[] { "none" }, Seeds = new[] { 0L } });
    }

    [Fact]
    public void A_quick_look_is_small_but_for_what_is_given()
    {
        var command = new ShapesCommand();

        command.Settings(command.Root.Parse(["--quick", "--epochs", "7"])).Should().BeEquivalentTo(new { Pairs = 2000, Epochs = 7, ImageWidth = 16, Encoding = 64, ProbeDraws = 1, Seeds = new[] { 0L } });
        var study = command.Settings(command.Root.Parse(["study", "batch-size", "--quick"]));
        study.Should().BeEquivalentTo(new { Pairs = 2000, Epochs = 2, Losses = new[] { "infonce", "gamma-mean" }, Seeds = new[] { 1L } });
        command.Settings(command.Root.Parse(["study", "batch-size", "--quick", "--seeds", "4,5"])).Seeds.Should().Equal(4, 5);
    }

    private static readonly string[] Towers =
        ["--image-width", "8", "--text-width", "8", "--text-depth", "1", "--encoding", "16", "--features", "8", "--epochs", "2", "--pairs", "40", "--probe-draws", "1", "--shots", "1"];

    private string[] Study(string output, string structures = "none,all", string seeds = "1")
        => ["study", "structures", .. Towers, "--batch-size", "4", "--structure", structures, "--seeds", seeds, "--workers", "1", "--out", _folder.Path(output)];

    /// <summary>The tables that have no times in them.</summary>
    private static string Tables(string output)
        => output[output.IndexOf("Accuracy of linear probes", StringComparison.Ordinal)..output.IndexOf("written:", StringComparison.Ordinal)];
}
