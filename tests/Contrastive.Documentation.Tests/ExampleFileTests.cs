using System.Globalization;
using System.Text.RegularExpressions;

namespace Contrastive.Documentation.Tests;

/// <summary>The single files of samples/Examples, as they stand but for the lines that name what they reference.</summary>
public partial class ExampleFileTests
{
    private static string Folder => Path.Combine(Repository.Root, "samples", "Examples");

    private static IEnumerable<string> Names => Directory.EnumerateFiles(Folder, "*.cs").Select(path => Path.GetFileName(path)).Order();

    public static TheoryData<string> Files => [.. Names];

    [Theory]
    [MemberData(nameof(Files))]
    public void Each_is_a_page_to_copy(string file)
    {
        var lines = File.ReadAllLines(Path.Combine(Folder, file));
        lines.Length.Should().BeInRange(30, 100);
        lines.Should().Contain("#:package TorchSharp-cpu").And.Contain("#:property PublishAot=false");
        lines.First(line => line.Length > 0 && !line.StartsWith("#:", StringComparison.Ordinal)).Should().StartWith("// ", "it says first what it shows");
        Repository.Read(Path.Combine("samples", "Examples", "README.md")).Should().Contain($"({file})");
    }

    [Fact]
    public void Quickstart_finds_the_partners_of_new_items()
    {
        var output = Run("Quickstart.cs");
        Falls(output, to: 0.1);
        Percentages(output).Should().ContainSingle().Which.Should().BeGreaterThan(90);
    }

    [Fact]
    public void SimClr_learns_shapes_without_labels()
    {
        var accuracies = Accuracy().Matches(Run("SimClr.cs")).Select(Number).ToArray();
        accuracies.Should().HaveCount(2);
        accuracies[1].Should().BeGreaterThan(accuracies[0] + 0.1);
    }

    [Fact]
    public void TextPairs_find_the_same_meaning_in_other_words()
    {
        var output = Run("TextPairs.cs");
        Falls(output, to: 0.1);
        Percentages(output).Should().HaveCount(2).And.Satisfy(before => before < 40, after => after > 90);
    }

    [Fact]
    public void Labels_make_features_that_a_straight_line_can_read()
        => Accuracy().Matches(Run("Labels.cs")).Select(Number).Should().HaveCount(2).And.Satisfy(raw => raw < 0.4, learned => learned > 0.8);

    [Fact]
    public void SmallBatches_show_what_the_decomposable_loss_and_a_memory_are_for()
    {
        var recalls = Percentages(Run("SmallBatches.cs"));
        recalls.Should().HaveCount(3);
        recalls[1].Should().BeGreaterThan(recalls[0] + 10);
        recalls[2].Should().BeGreaterThan(recalls[1]);
    }

    [Fact]
    public void LargeBatch_trains() => Falls(Run("LargeBatch.cs"), to: 0.3);

    [Fact]
    public void SeveralProcesses_is_a_program_of_one_process_too()
    {
        var output = Run("SeveralProcesses.cs");
        Falls(output, to: 0.5);
        Percentages(output).Should().ContainSingle().Which.Should().BeGreaterThan(80);
        output.Should().Contain("1 process(es)");
    }

    [Fact]
    public void SaveAndResume_goes_on_bit_for_bit()
        => Run("SaveAndResume.cs").Should().Contain("the resumed run's losses are the same: True").And.Contain("exported: 0.bias, 0.weight, 2.bias, 2.weight");

    [Fact]
    public void Intervals_tell_the_two_models_apart()
    {
        var output = Run("Intervals.cs");
        var difference = Percentages(output.Split('\n').Single(line => line.StartsWith("difference", StringComparison.Ordinal)));
        difference.Should().HaveCount(4);       // the estimate, the level, both ends
        difference[2].Should().BePositive();
        output.Should().Contain("McNemar");
    }

    [Fact]
    public void HuggingFaceWeights_are_read_under_other_names()
        => Run("HuggingFaceWeights.cs").Should().Contain("missing: 0, left over: 1 (pooler.dense.weight)").And.Contain("the features are others now: True");

    [Fact]
    public void TorchScriptEncoder_is_trained_further_and_saved()
    {
        var output = Run("TorchScriptEncoder.cs");
        Falls(output, to: 0.5);
        Percentages(output).Should().ContainSingle().Which.Should().BeGreaterThan(80);
        output.Should().Contain("the features are the same: True");
    }

    [Fact]
    public void OnnxHead_learns_on_frozen_embeddings()
    {
        var output = Run("OnnxHead.cs");
        Falls(output, to: 0.5);
        Percentages(output).Should().ContainSingle().Which.Should().BeGreaterThan(70);
    }

    [Fact]
    public void PictureFolder_trains_on_files() => Falls(Run("PictureFolder.cs"), to: 0.8);

    [Fact]
    public void TensorBoardLog_writes_a_run()
    {
        var runs = Directory.CreateTempSubdirectory().FullName;
        try
        {
            Run("TensorBoardLog.cs", runs).Should().Contain("written: 1 file");
        }
        finally
        {
            Directory.Delete(runs, recursive: true);
        }
    }

    [Fact]
    public void Every_example_has_a_test_that_runs_it()
    {
        var tests = typeof(ExampleFileTests).GetMethods().Select(method => method.Name.Split('_')[0]).ToHashSet();
        Names.Where(name => !tests.Contains(Path.GetFileNameWithoutExtension(name))).Should().BeEmpty();
    }

    private static string Run(string file, params string[] arguments)
    {
        var path = Path.Combine(Folder, file);
        var lines = File.ReadAllLines(path).Select(line => line.StartsWith("#:", StringComparison.Ordinal) ? "" : line);
        return ExampleProgram.Run(string.Join('\n', lines), path, arguments);
    }

    /// <summary>The last loss that was printed is at most a part of the first.</summary>
    private static void Falls(string output, double to)
    {
        var losses = Loss().Matches(output).Select(Number).ToArray();
        losses.Should().HaveCountGreaterThan(2);
        losses[^1].Should().BeLessThan(to * losses[0]);
    }

    private static double[] Percentages(string output) => [.. Percentage().Matches(output).Select(Number)];

    private static double Number(Match match) => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"loss ([\d.]+)")]
    private static partial Regex Loss();

    [GeneratedRegex(@"accuracy ([\d.]+)")]
    private static partial Regex Accuracy();

    [GeneratedRegex(@"(-?[\d.]+) ?%")]
    private static partial Regex Percentage();
}
