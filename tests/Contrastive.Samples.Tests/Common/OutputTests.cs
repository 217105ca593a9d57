using System.CommandLine;
using System.Text.Json;

namespace Contrastive.Samples.Tests.Common;

public sealed class OutputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_write_that_fails_half_way_leaves_the_old_file_and_nothing_else()
    {
        var path = _folder.File("a.txt", "old");

        FluentActions.Invoking(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new InvalidOperationException();
        })).Should().Throw<InvalidOperationException>();

        File.ReadAllText(path).Should().Be("old");
        Directory.GetFileSystemEntries(_folder.Root).Should().Equal(path);
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_a_user_error_naming_it()
    {
        var file = _folder.File("file", "");

        FluentActions.Invoking(() => AtomicFile.Write(Path.Combine(file, "a.txt"), [1]))
            .Should().Throw<UserError>().WithMessage("cannot write *a.txt: *");
    }

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
        Run([], _ => throw new UserError("a\nb")).Should().Be((2, $"error: a b{Environment.NewLine}"));
        Run(["--nonsense"], _ => { }).Code.Should().Be(2);
        Run([], c => c.Cancellation.ThrowIfCancellationRequested(), new CancellationToken(true)).Code.Should().Be(130);
    }

    [Fact]
    public void Progress_without_a_terminal_prints_lines_and_runs_the_work()
    {
        var output = new StringWriter();
        var steps = 0;

        Progress.Run(new SampleConsole(output, interactive: false, default), "training", 3, progress =>
        {
            for (; steps < 3; steps++)
                progress.Advance(detail: "x");
            progress.Line("kept");
        });

        steps.Should().Be(3);
        output.ToString().Should().Contain("kept");
    }
}
