using System.Text.Json;
using Contrastive.Samples.AlignFeatures;
using TorchSharp;

namespace Contrastive.Samples.Tests.AlignFeatures;

public sealed class StructureTests : IDisposable
{
    private static readonly string[] Small =
    [
        "--quick", "--epochs", "3", "--loss", "gamma", "--batch-size", "32", "--hidden", "16", "--features", "8",
        "--structure", "none,four-part,separation,two-heads,bridge,consistency,all",
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_structure_trains_and_is_probed_and_compared_with_none()
    {
        var (code, output, error) = RunProgram.With([.. Small, "--seeds", "2", "--out", _folder.Path("out")]);

        code.Should().Be(0, error);
        output.Should().ContainAll("gamma + separation", "gamma + all", "Accuracy of probes", "Differences paired by seed");
        using var summary = JsonDocument.Parse(File.ReadAllText(_folder.Path("out", "summary.json")));
        var results = summary.RootElement.GetProperty("results").EnumerateArray().ToArray();
        results.Should().HaveCount(2 * 7);
        foreach (var result in results)
        {
            var structure = result.GetProperty("structure").GetString()!;
            var separated = structure is "separation" or "two-heads" or "all";
            var probes = result.GetProperty("probes").EnumerateArray().ToArray();
            probes.Select(probe => probe.GetProperty("features").GetString()).Should().Equal(
                separated
                    ? ["first", "second", "shared", "first independent", "second independent", "first all", "second all", "independent", "both"]
                    : ["first", "second", "both"]);
            foreach (var probe in probes)
                foreach (var figure in new[] { "linear", "linear_10", "linear_5", "linear_1", "neighbors" })
                    probe.GetProperty(figure).GetDouble().Should().BeInRange(0.05, 1, $"{structure} {probe}");

            var prefix = structure == "none" ? "" : structure + "-";
            using var pair = TowerPair.Load(_folder.Path("out", $"towers-{prefix}{result.GetProperty("loss")}-b32-s{result.GetProperty("seed")}.safetensors"));
            using var scope = torch.NewDisposeScope();
            (pair.Left.Features(torch.zeros(2, 32), augment: null).Independent is not null).Should().Be(separated);
        }

        var differences = summary.RootElement.GetProperty("paired_differences").EnumerateArray().ToDictionary(
            difference => difference.GetProperty("treated").GetString()!,
            difference => difference.GetProperty("figures").EnumerateObject().ToDictionary(figure => figure.Name, figure => figure.Value.GetProperty("mean").GetDouble()));
        differences.Should().HaveCount(6).And.ContainKey("gamma + four-part B=32");
        differences.Values.Select(figures => figures.Count).Order().Should().Equal(Enumerable.Repeat(1 + (3 * 5), 3).Concat(Enumerable.Repeat(1 + (6 * 5), 3)));
        differences["gamma + all B=32"].Keys.Should().Contain(["recall_at_1", "linear_10 from shared", "neighbors from first all"]).And.NotContain("linear from independent");
        // Shared features compare with what a run without independent ones has, seed by seed.
        var seeds = results.Where(result => result.GetProperty("structure").GetString() is "none" or "all").ToLookup(result => result.GetProperty("structure").GetString());
        differences["gamma + all B=32"]["linear from shared"].Should().BeApproximately(seeds["all"].Average(Linear("shared")) - seeds["none"].Average(Linear("both")), 1e-12);
        differences["gamma + all B=32"]["linear from second all"].Should().BeApproximately(seeds["all"].Average(Linear("second all")) - seeds["none"].Average(Linear("second")), 1e-12);
        var probed = results.ToLookup(result => result.GetProperty("structure").GetString(), result => result.GetProperty("probes").ToString());
        probed["two-heads"].Should().NotIntersectWith(probed["separation"], "orthogonality changes the towers");
        // A structure changes the towers: were it left out by mistake, every difference would be 0.
        differences.Values.Should().OnlyContain(figures => figures.Values.Any(mean => mean != 0));

        static Func<JsonElement, double> Linear(string features)
            => result => result.GetProperty("probes").EnumerateArray().Single(probe => probe.GetProperty("features").GetString() == features).GetProperty("linear").GetDouble();
    }

    /// <summary>Twelve classes of ten items each, of which some are held out: ten a class are not to be had.</summary>
    [Fact]
    public void A_figure_that_cannot_be_measured_is_left_out_and_said()
    {
        var left = _folder.File("left.npy", NpyBytes.Features(120, 4, (r, c) => MathF.Sin((r * (c + 1)) + (r % 12))));
        var right = _folder.File("right.npy", NpyBytes.Features(120, 3, (r, c) => MathF.Cos((r * (c + 2)) + (r % 12))));
        var labels = _folder.File("labels.csv", string.Join('\n', Enumerable.Range(0, 120).Select(row => row % 12)));

        var (code, output, error) = RunProgram.With(
            "--left", left, "--right", right, "--labels", labels, "--structure", "none,separation", "--loss", "infonce", "--batch-size", "32",
            "--epochs", "1", "--seeds", "2", "--hidden", "8", "--features", "4", "--out", _folder.Path("out"));

        code.Should().Be(0, error);
        output.Should().Contain("-: linear_10 was not measured: with seed 0, 1 a class has fewer than 10 training items").And.NotContain("NaN");
        using var summary = JsonDocument.Parse(File.ReadAllText(_folder.Path("out", "summary.json")));
        var root = summary.RootElement;
        root.GetProperty("not_measured").EnumerateArray().Select(missing => missing.GetProperty("figure").GetString()).Should().Contain("linear_10").And.NotContain("linear_1");
        root.GetProperty("results")[0].GetProperty("probes")[0].GetProperty("linear_10").ValueKind.Should().Be(JsonValueKind.Null);
        var compared = root.GetProperty("paired_differences")[0].GetProperty("figures").EnumerateObject().Select(figure => figure.Name).ToArray();
        compared.Should().Contain(["recall_at_1", "linear from first", "linear_1 from shared", "neighbors from both"]).And.NotContain("linear_10 from first");
    }

    [Fact]
    public void Labels_of_one_class_are_refused_where_they_would_be_probed()
    {
        var features = _folder.File("features.npy", NpyBytes.Features(60, 4, (r, c) => MathF.Sin(r * (c + 1))));
        var labels = _folder.File("labels.csv", string.Join('\n', Enumerable.Repeat("cat", 60)));

        RunProgram.ShouldRefuse(_folder, ["--left", features, "--right", features, "--labels", labels, "--probe"], labels, "one class");
    }

    [Fact]
    public void A_run_with_structures_resumes_bit_for_bit()
    {
        string[] arguments = [.. Small[..^1], "separation,all"];
        RunProgram.With([.. arguments, "--out", _folder.Path("whole")]).Code.Should().Be(0);
        RunProgram.Stopping(30, [.. arguments, "--out", _folder.Path("cut")]).Code.Should().Be(130);
        RunProgram.With([.. arguments, "--out", _folder.Path("cut"), "--resume"]).Code.Should().Be(0);
        foreach (var towers in Directory.GetFiles(_folder.Path("whole"), "towers-*"))
            File.ReadAllBytes(_folder.Path("cut", Path.GetFileName(towers))).Should().Equal(File.ReadAllBytes(towers), towers);
    }

    [Theory]
    [InlineData("--structure", "none,magic", "'magic'", "separation")]
    [InlineData("--separation-weight", "-1", "between 0 and", "-1")]
    [InlineData("--dropout", "1", "between 0 and", "1")]
    public void A_value_that_makes_no_sense_is_refused(string option, string value, params string[] words)
        => RunProgram.ShouldRefuse(_folder, [option, value], [option, .. words]);

    [Fact]
    public void A_probe_without_labels_is_refused()
        => RunProgram.ShouldRefuse(_folder, ["--probe", "--left", "a.npy", "--right", "b.npy"], "--probe", "--labels");
}
