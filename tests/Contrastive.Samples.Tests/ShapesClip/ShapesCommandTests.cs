namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class ShapesCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("--loss", "infonce,magic", "'magic'", "gamma-mean")]
    [InlineData("--structure", "cubist", "'cubist'", "four-part")]
    [InlineData("--structure", "none,none", "'none'", "twice")]
    [InlineData("--batch-size", "1", "between 2 and", "1")]
    [InlineData("--batch-size", "64,400", "400", "300 items")]
    [InlineData("--batch-size", "64,many", "'many'", "whole number")]
    [InlineData("--seeds", "0", "between 1 and", "0")]
    [InlineData("--pairs", "1", "between 2 and", "1")]
    [InlineData("--epochs", "2.5", "'2.5'", "whole number")]
    [InlineData("--temperature", "0", "between", "0")]
    [InlineData("--learning-rate", "NaN", "between", "NaN")]
    [InlineData("--warmup", "1", "between 0 and 0.9", "1")]
    [InlineData("--image-width", "12", "multiple of 8", "12")]
    [InlineData("--text-width", "6", "multiple of 4", "6")]
    [InlineData("--crop", "0", "between 0.1 and 1", "0")]
    [InlineData("--bridge-time", "1", "between", "1")]
    [InlineData("--bridge-side", "third", "'third'", "second")]
    [InlineData("--shots", "0", "between 1 and", "0")]
    [InlineData("--workers", "0", "between 1 and", "0")]
    [InlineData("--checkpoint-every", "often", "'often'")]
    [InlineData("--device", "abacus", "'abacus'", "cuda")]
    public void A_value_that_makes_no_sense_is_refused_in_one_line_before_anything_is_written(string option, string value, params string[] words)
    {
        string[] pairs = option == "--pairs" ? [] : ["--pairs", "300"];
        var (code, output, error) = RunShapes.With([.. pairs, option, value, "--out", _folder.Path("out")]);

        code.Should().Be(2, error);
        output.Should().BeEmpty();
        error.Trim().Should().StartWith("error: ").And.Contain(option).And.ContainAll(words).And.NotContain("\n");
        Directory.Exists(_folder.Path("out")).Should().BeFalse();
    }

    [Fact]
    public void A_file_in_place_of_the_folder_an_unknown_option_and_an_unknown_study_are_refused()
    {
        RunShapes.With("--out", _folder.File("taken", "mine")).Error.Should().Contain("is a file, not a folder");
        RunShapes.With("--colour", "red").Error.Should().Contain("--colour");
        RunShapes.With("study", "alchemy").Code.Should().Be(2);
        // Nor are pictures of one's own: ImageSearch has those.
        RunShapes.With("--image-dir", "photos").Error.Should().Contain("--image-dir");
    }

    [Fact]
    public void A_file_on_the_way_to_the_output_is_seen_before_anything_is_read()
    {
        var within = Path.Combine(_folder.File("taken", "mine"), "within");

        foreach (var command in new string[][] { [], ["bias", "--model", "nowhere"] })
            RunShapes.With([.. command, "--out", within]).Error.Should().ContainAll("--out", "is a file, not a folder");
        RunShapes.With("bias", "--model", "").Error.Should().Contain("--model is empty");
    }

    [Fact]
    public void A_damaged_checkpoint_is_refused_with_what_can_be_done()
    {
        RunShapes.Stopping(1, Tiny.Training(_folder.Path("out"), epochs: 2)).Code.Should().Be(130);
        var checkpoint = Directory.GetFiles(_folder.Path("out", "runs"), "*.checkpoint").Single();
        File.WriteAllText(checkpoint, "no checkpoint");

        RunShapes.With(Tiny.Training(_folder.Path("out"), epochs: 2)).Error.Should().ContainAll(checkpoint, "remove it or choose another --out");
    }

    [Fact]
    public void Help_names_the_studies_and_every_option_with_its_default()
    {
        var (code, output, _) = RunShapes.With("--help");

        code.Should().Be(0);
        output.Should().ContainAll(
            "study", "--loss", "--structure", "--batch-size", "--seeds", "--pairs", "--epochs", "--temperature", "--device", "--workers", "--out", "out/shapes-clip");
        RunShapes.With("study", "--help").Output.Should().ContainAll("batch-size", "structures");
    }
}
