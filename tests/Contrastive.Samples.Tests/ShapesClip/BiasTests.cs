using System.Text.Json;

namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class BiasTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public BiasTests() => Tiny.Model(_folder.Path("one"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_batch_of_all_pairs_has_their_gradient_and_InfoNCE_of_small_ones_has_another()
    {
        Tiny.Model(_folder.Path("two"), seed: 5);
        string[] arguments = ["bias", "--model", _folder.Path("one"), "--model", _folder.Path("two"), "--pairs", "8", "--batch-size", "8,2", "--passes", "6"];

        var (code, output, error) = RunShapes.With([.. arguments, "--out", _folder.Path("bias")]);

        code.Should().Be(0, error);
        output.Should().ContainAll("of 8 training pairs, means of 2 models", "infonce", "gamma-mean", "summary.json");
        var entries = Entries("bias");
        entries.Should().HaveCount(2 * 2 * 2);
        foreach (var whole in entries.Where(entry => Whole(entry, "batch_size") == 8))
        {
            Real(whole, "relative_bias").Should().BeLessThan(1e-4);
            Real(whole, "batch_noise").Should().BeLessThan(1e-4);
            Real(whole, "cosine").Should().BeApproximately(1, 1e-6);
            Whole(whole, "batches").Should().Be(6);
        }

        foreach (var small in entries.Where(entry => Whole(entry, "batch_size") == 2))
        {
            Whole(small, "batches").Should().Be(6 * 4);
            var infoNce = small.GetProperty("loss").GetString() == "infonce";
            if (infoNce)
                Real(small, "corrected_relative_bias").Should().BeGreaterThan(0.3, "one negative of seven is in the logarithm");
            Real(small, "batch_noise").Should().BePositive();
        }

        RunShapes.With([.. arguments, "--out", _folder.Path("again")]).Code.Should().Be(0);
        Entries("again").Select(entry => entry.ToString()).Should().Equal(entries.Select(entry => entry.ToString()), "the seed decides every figure");
    }

    [Fact]
    public void Stopped_it_leaves_what_was_measured()
    {
        var (code, output, _) = RunShapes.Stopping(
            2, "bias", "--model", _folder.Path("one"), "--pairs", "8", "--batch-size", "8,2", "--passes", "2", "--out", _folder.Path("bias"));

        code.Should().Be(130);
        output.Should().Contain("2 of 4 measurements are finished");
        Entries("bias").Should().HaveCount(2);
    }

    [Theory]
    [InlineData("--pairs 9 --batch-size 4", "--pairs 9", "was trained on only 8")]
    [InlineData("--pairs 8 --batch-size 9", "--batch-size 9", "--pairs 8")]
    [InlineData("--batch-size 1", "--batch-size", "must lie between 2", "is 1")]
    [InlineData("--passes 1", "--passes", "is 1")]
    [InlineData("--model nowhere", "nowhere", "there is no such folder")]
    [InlineData("--threads 0", "--threads", "is 0")]
    public void What_cannot_be_is_refused_in_a_line(string arguments, params string[] said)
    {
        var (code, _, error) = RunShapes.With(
            ["bias", .. arguments.Contains("--model", StringComparison.Ordinal) ? [] : new[] { "--model", _folder.Path("one") }, .. arguments.Split(' '), "--out", _folder.Path("out")]);

        code.Should().Be(2);
        error.Should().ContainAll(said);
        error.Trim().Should().NotContain("\n");
        File.Exists(_folder.Path("out", "summary.json")).Should().BeFalse();
    }

    [Fact]
    public void One_model_under_two_names_is_refused_and_a_missing_one_before_anything_is_measured()
    {
        string[] arguments = ["bias", "--model", _folder.Path("one"), "--pairs", "8", "--batch-size", "4", "--passes", "2", "--out", _folder.Path("out")];
        var model = Directory.GetDirectories(_folder.Path("one", "models")).Single();
        foreach (var again in new[] { _folder.Path("one") + "/", model, model + "/" })
            RunShapes.With([.. arguments, "--model", again]).Error.Should().Contain("are one model").And.Contain(again);
        var (code, output, error) = RunShapes.With([.. arguments, "--model", _folder.Path("nowhere")]);
        (code, output).Should().Be((2, ""));
        error.Should().Contain("nowhere");
        Directory.Exists(_folder.Path("out")).Should().BeFalse();
    }

    private JsonElement[] Entries(string folder)
    {
        using var summary = JsonDocument.Parse(File.ReadAllText(_folder.Path(folder, "summary.json")));
        return [.. summary.RootElement.Clone().GetProperty("results").EnumerateArray()];
    }

    private static double Real(JsonElement entry, string name) => entry.GetProperty(name).GetDouble();

    private static int Whole(JsonElement entry, string name) => entry.GetProperty(name).GetInt32();
}
