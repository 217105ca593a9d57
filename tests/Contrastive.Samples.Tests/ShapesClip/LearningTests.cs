using System.Text.Json;

namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class LearningTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_short_training_finds_partners_and_names_colours_far_above_chance()
    {
        var (code, output, error) = RunShapes.With(
            "--pairs", "3000", "--epochs", "5", "--batch-size", "32", "--image-width", "16", "--text-width", "16", "--text-depth", "1",
            "--encoding", "64", "--features", "32", "--learning-rate", "0.006", "--probe-draws", "1", "--out", _folder.Path("out"));

        code.Should().Be(0, error);
        output.Should().ContainAll("held-out R@1", "Accuracy of linear probes", "summary.json", "curves.png", "planes.png", "confusions.png").And.NotContain("bridges.png");
        foreach (var plot in new[] { "curves.png", "examples.png", "planes.png", "confusions.png" })
            File.ReadAllBytes(_folder.Path("out", plot))[1..4].Should().Equal("PNG"u8.ToArray());

        using var summary = JsonDocument.Parse(File.ReadAllText(_folder.Path("out", "summary.json")));
        var run = summary.RootElement.GetProperty("results")[0];
        var objective = run.GetProperty("curves").GetProperty("terms").EnumerateArray().Select(epoch => epoch.GetProperty("objective").GetDouble()).ToArray();
        objective.Should().HaveCount(5).And.BeInDescendingOrder();
        // Chance is 0.1, 0.001 and 500. Shapes take longer than colours and places.
        run.GetProperty("colour").GetProperty("top_1").GetDouble().Should().BeGreaterThan(0.7);
        run.GetProperty("retrieval").GetProperty("recall_at_1").GetDouble().Should().BeGreaterThan(0.02);
        run.GetProperty("retrieval").GetProperty("mean_rank").GetDouble().Should().BeLessThan(50);
    }
}
