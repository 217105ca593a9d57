namespace Contrastive.Samples.Tests.AlignFeatures;

public sealed class CommandLineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("--loss", "infonce,magic", "'magic'", "gamma-mean")]
    [InlineData("--loss", "gamma,gamma", "'gamma'", "twice")]
    [InlineData("--loss", "", "''", "infonce")]
    [InlineData("--batch-size", "1", "between 2 and", "1")]
    [InlineData("--batch-size", "8,9999", "9999", "800 training items")]
    [InlineData("--batch-size", "8,eight", "'eight'", "whole number")]
    [InlineData("--epochs", "0", "between 1 and", "0")]
    [InlineData("--epochs", "2.5", "'2.5'", "whole number")]
    [InlineData("--temperature", "0", "between", "0")]
    [InlineData("--temperature", "NaN", "between", "NaN")]
    [InlineData("--temperature", "warm", "'warm'", "number")]
    [InlineData("--seeds", "0", "between 1 and", "0")]
    [InlineData("--seeds", "1,-2", "-2", "between 0 and")]
    [InlineData("--seeds", "1,1", "'1'", "twice")]
    [InlineData("--hidden", "0", "between", "0")]
    [InlineData("--features", "-3", "between", "-3")]
    [InlineData("--learning-rate", "-1", "between", "-1")]
    [InlineData("--weight-decay", "x", "'x'", "number")]
    [InlineData("--test-fraction", "0.95", "between", "0.95")]
    [InlineData("--test-fraction", "0.01", "10 of 1000", "11")]
    [InlineData("--device", "abacus", "'abacus'", "cuda")]
    [InlineData("--device", "cuda:99", "cuda:99", "CUDA devices")]
    [InlineData("--left", "a.npy", "--right", "missing")]
    [InlineData("--labels", "a.npy", "--left", "needs")]
    [InlineData("--left", "", "is empty")]
    [InlineData("--labels", "", "is empty")]
    [InlineData("--resume", "", "is empty")]
    public void A_value_that_makes_no_sense_is_refused(string option, string value, params string[] words)
        => RunProgram.ShouldRefuse(_folder, [option, value], [option, .. words]);

    [Fact]
    public void Unknown_options_and_missing_values_are_refused()
    {
        RunProgram.ShouldRefuse(_folder, ["--colour", "red"], "--colour");
        RunProgram.ShouldRefuse(_folder, ["stray"], "stray");
        RunProgram.With("--epochs").Should().Match<(int Code, string Output, string Error)>(run => run.Code == 2 && run.Error.Contains("--epochs"));
    }

    [Fact]
    public void A_file_in_place_of_the_output_folder_is_refused()
    {
        var file = _folder.File("file", "mine");

        var (code, _, error) = RunProgram.With("--quick", "--out", file);

        code.Should().Be(2);
        error.Should().Contain(file);
        File.ReadAllText(file).Should().Be("mine");
    }

    /// <summary>Files that are not there, so that only a check before they are read can come first.</summary>
    [Theory]
    [InlineData("--checkpoint-every", "often", "--checkpoint-every", "'often'")]
    [InlineData("--out", "", "--out is empty")]
    [InlineData("--resume", "", "--resume is empty")]
    public void Options_are_checked_before_files_are_read(string option, string value, params string[] words)
        => RunProgram.ShouldRefuse(_folder, ["--left", "nowhere.npy", "--right", "nowhere.npy", option, value], words);

    [Fact]
    public void Help_lists_every_option_with_its_default()
    {
        var (code, output, error) = RunProgram.With("--help");

        code.Should().Be(0);
        error.Should().BeEmpty();
        output.Should().ContainAll(
            "--device", "--left", "--right", "--labels", "--loss", "--batch-size", "--epochs", "--temperature", "--seeds", "--out",
            "--resume", "--hidden", "--features", "--learning-rate", "--weight-decay", "--test-fraction", "--quick", "infonce,gamma,gamma-mean");
    }
}
