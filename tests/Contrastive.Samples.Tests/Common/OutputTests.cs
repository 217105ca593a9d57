using System.CommandLine;
using System.Text.Json;

namespace Contrastive.Samples.Tests.Common;

public sealed class OutputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private sealed record Figures(string Loss, double RecallAt1, double Map);

    [Fact]
    public void A_summary_has_snake_case_names_and_null_for_what_is_not_finite()
    {
        var path = _folder.Path("out", "summary.json");

        SummaryFile.Write(path, [new Figures("infonce", 0.25, double.NaN)], new { BatchSize = 8 }, ("comparisons", new[] { 1 }));

        using var json = JsonDocument.Parse(File.ReadAllText(path));
        var result = json.RootElement.GetProperty("results")[0];
        result.GetProperty("recall_at_1").GetDouble().Should().Be(0.25);
        result.GetProperty("map").ValueKind.Should().Be(JsonValueKind.Null);
        json.RootElement.GetProperty("settings").GetProperty("batch_size").GetInt32().Should().Be(8);
        json.RootElement.GetProperty("comparisons").GetArrayLength().Should().Be(1);
    }

    [Fact]
    public void Plots_are_one_PNG()
    {
        var path = _folder.Path("curves.png");
        var curve = new Curve("a", [1, 10, 100], [0.1, 0, double.NaN], [0.05, 0.1, 0.1]);

        PlotFile.Write(path, [new Panel("linear", "x", "y", [curve]), new Panel("log", "x", "y", [curve], LogX: true, LogY: true)]);

        File.ReadAllBytes(path)[..4].Should().Equal(0x89, (byte)'P', (byte)'N', (byte)'G');
    }

    [Fact]
    public void An_output_folder_is_checked_without_being_made()
    {
        var file = _folder.File("taken", "mine");

        OutputFolder.Of(_folder.Path("new", "deep")).Should().Be(_folder.Path("new", "deep"));
        OutputFolder.OfFile(_folder.Path("new", "sheet.png")).Should().Be(_folder.Path("new", "sheet.png"));
        FluentActions.Invoking(() => OutputFolder.Of(file)).Should().Throw<UserError>().WithMessage("*is a file, not a folder");
        FluentActions.Invoking(() => OutputFolder.Of(Path.Combine(file, "a", "b"))).Should().Throw<UserError>().WithMessage($"*{file} is a file, not a folder");
        FluentActions.Invoking(() => OutputFolder.OfFile(Path.Combine(file, "a.png"))).Should().Throw<UserError>().WithMessage($"*{file} is a file, not a folder");
        FluentActions.Invoking(() => OutputFolder.OfFile(_folder.Root)).Should().Throw<UserError>().WithMessage("*is a folder, not a file");
        // A folder in which nobody can make a file, not even root.
        if (OperatingSystem.IsLinux())
            FluentActions.Invoking(() => OutputFolder.Of("/proc/results")).Should().Throw<UserError>().WithMessage("--out /proc/results: nothing can be written in /proc:*");
        Directory.GetFileSystemEntries(_folder.Root).Should().Equal(file);
    }

    [Fact]
    public void A_figure_that_a_seed_lacks_has_a_dash_for_its_mean()
    {
        Spread.Of([0.5, double.NaN]).Text().Should().Be("-");
        Spread.Of([0.5, 0.7]).Text().Should().Be("0.600 ± 0.141");
        Spread.Of([0.5]).Text().Should().Be("0.500");
    }

    [Fact]
    public void A_table_is_aligned()
    {
        var output = new StringWriter { NewLine = "\n" };

        new ResultsTable("loss", "R@1").Row("infonce", "0.1").Row("gamma", "10.25").Write(output);

        output.ToString().Should().Be("loss       R@1\n-------  -----\ninfonce    0.1\ngamma    10.25\n");
    }

    [Fact]
    public void The_runner_turns_problems_into_one_line_and_an_exit_code()
    {
        static (int Code, string Error) Run(string[] arguments, Action<SampleConsole> body, CancellationToken token = default)
        {
            var error = new StringWriter();
            var code = SampleRunner.Run(new RootCommand("test"), arguments, (_, console) => body(console), new StringWriter(), error, token);
            return (code, error.ToString());
        }

        Run([], _ => { }).Should().Be((0, ""));
        Run([], _ => throw new IOException("cannot write a")).Should().Be((2, $"error: cannot write a{Environment.NewLine}"));
        Run([], _ => throw new InvalidDataException("damaged")).Should().Be((2, $"error: damaged{Environment.NewLine}"));
        Run([], _ => throw new UserError("a\nb")).Should().Be((2, $"error: a b{Environment.NewLine}"));
        Run(["--nonsense"], _ => { }).Code.Should().Be(2);
        Run([], c => c.Cancellation.ThrowIfCancellationRequested(), new CancellationToken(true)).Code.Should().Be(130);
    }
}
