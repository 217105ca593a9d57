using System.Text.Json;

namespace Contrastive.Samples.Tests.ShapesClip.Drawn;

public sealed class StudyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_study_that_was_stopped_twice_ends_with_the_same_tables_weights_and_pictures()
    {
        // Two structures and two seeds make four runs of 20 steps.
        var (code, whole, error) = RunShapes.With(Study("whole"));
        code.Should().Be(0, error);

        RunShapes.Stopping(7, Study("cut")).Code.Should().Be(130);
        RunShapes.Stopping(31, Study("cut")).Code.Should().Be(130);
        var (_, resumed, _) = RunShapes.With(Study("cut"));

        resumed.Should().Contain("1 of 4 runs are finished already");
        Tables(resumed).Should().Be(Tables(whole)).And.Contain("Differences paired by seed").And.Contain("infonce + all B=4 - infonce B=4");
        Same.Models(_folder.Path("whole"), _folder.Path("cut"));
        foreach (var picture in new[] { "planes.png", "bridges.png" })
            File.ReadAllBytes(_folder.Path("cut", picture)).Should().Equal(File.ReadAllBytes(_folder.Path("whole", picture)), picture);
        Directory.GetFiles(_folder.Path("cut"), "*.checkpoint", SearchOption.AllDirectories).Should().BeEmpty();
    }

    [Fact]
    public void A_finished_study_is_reported_again_without_training_but_not_with_other_settings()
    {
        string[] study = [.. Study("out"), "--seeds", "1", "--structure", "none"];
        RunShapes.With(study).Code.Should().Be(0);

        RunShapes.With([.. study, "--checkpoint-every", "1"]).Output.Should().Contain("1 of 1 runs are finished already");
        RunShapes.With([.. study, "--temperature", "0.1"]).Should().Match<(int Code, string Output, string Error)>(
            refused => refused.Code == 2 && refused.Error.Contains("made with temperature 0.07 but now it is 0.1"));

        var file = Directory.GetFiles(_folder.Path("out", "runs"), "*.json").Single();
        File.WriteAllText(file, "{");
        RunShapes.With(study).Should().Match<(int Code, string Output, string Error)>(refused => refused.Code == 2 && refused.Error.Contains(file));
    }

    [Fact]
    public void The_batch_size_study_has_its_figures_for_each_size_and_draws_them()
    {
        var (code, output, error) = RunShapes.With(
            [.. Towers, "study", "batch-size", "--batch-size", "4,8", "--seeds", "2", "--out", _folder.Path("out")]);

        code.Should().Be(0, error);
        output.Should().ContainAll("gamma-mean B=4 - infonce B=4", "gamma-mean B=4 - infonce B=8", "gamma-mean B=8 - infonce B=8");
        File.ReadAllBytes(_folder.Path("out", "batch-size.png"))[1..4].Should().Equal("PNG"u8.ToArray());
        using var summary = JsonDocument.Parse(File.ReadAllText(_folder.Path("out", "summary.json")));
        summary.RootElement.GetProperty("groups").EnumerateArray()
            .Select(group => (group.GetProperty("loss").GetString(), group.GetProperty("batch_size").GetInt32(), group.GetProperty("seeds").GetInt32()))
            .Should().BeEquivalentTo(new[] { ("infonce", 4, 2), ("gamma-mean", 4, 2), ("infonce", 8, 2), ("gamma-mean", 8, 2) });
    }

    private static readonly string[] Towers =
        ["--image-width", "8", "--text-width", "8", "--text-depth", "1", "--encoding", "16", "--features", "8", "--epochs", "2", "--pairs", "40", "--probe-draws", "1", "--shots", "1"];

    private string[] Study(string output)
        => ["study", "structures", .. Towers, "--batch-size", "4", "--structure", "none,all", "--seeds", "2", "--workers", "1", "--out", _folder.Path(output)];

    /// <summary>The tables that have no times in them.</summary>
    private static string Tables(string output)
        => output[output.IndexOf("Accuracy of linear probes", StringComparison.Ordinal)..output.IndexOf("written:", StringComparison.Ordinal)];
}
