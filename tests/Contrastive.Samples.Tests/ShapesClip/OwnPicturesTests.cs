using System.Text.Json;
using SkiaSharp;

namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class OwnPicturesTests : IDisposable
{
    private readonly PictureFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Trained_on_red_and_blue_squares_a_query_finds_the_colour_it_names()
    {
        _folder.Fill(40);
        RunShapes.With([.. Tiny.Training(_folder, "out", epochs: 12), "--learning-rate", "0.01"]).Code.Should().Be(0);
        _folder.Add("gallery/new-red.png", new SKColor(210, 5, 30), 60, 30);
        _folder.Add("gallery/deep/new-blue.png", new SKColor(30, 5, 210));
        _folder.Files.File("gallery/broken.png", "not a picture");

        var (code, output, error) = RunShapes.With(
            "query", "--model", _folder.Path("out"), "--text", "a red square", "--text", "all blue zebra",
            "--image", _folder.Path("gallery", "new-red.png"), "--image-dir", _folder.Path("gallery"), "--out", _folder.Path("sheet.png"));

        code.Should().Be(0, error);
        output.Should().Contain("'zebra'").And.Contain("skipped broken.png: ");
        Order(output, "\"a red square\": the nearest").Should().Equal("new-red.png", "new-blue.png");
        Order(output, "\"all blue zebra\": the nearest").Should().Equal("new-blue.png", "new-red.png");
        Order(output, "like ").Should().Equal("new-red.png", "new-blue.png");
        using var sheet = SKBitmap.Decode(_folder.Path("sheet.png"));
        // Two answers and, in the last section, the picture asked for: three columns, one row a section.
        (sheet.Width, sheet.Height).Should().Be((14 + (3 * (144 + 14)), 14 + (3 * (30 + 144 + (4 * 16) + 14))));

        static IEnumerable<string> Order(string output, string query)
        {
            var table = output[output.IndexOf(query, StringComparison.Ordinal)..].Split('\n').Skip(3).Take(2);
            return table.Select(row => Path.GetFileName(row.Split(' ')[0]));
        }
    }

    [Fact]
    public void The_pictures_a_model_was_trained_on_are_its_gallery_and_give_captions()
    {
        _folder.Fill(12);
        RunShapes.With(Tiny.Training(_folder, "out")).Code.Should().Be(0);
        string[] query = ["query", "--model", _folder.Path("out"), "--top", "3", "--out", _folder.Path("sheet.png")];

        var (code, output, error) = RunShapes.With([.. query, "--image", _folder.Path("3.png")]);

        code.Should().Be(0, error);
        output.Should().ContainAll("3.png ", "the nearest of 12 pictures", "the nearest of 4 captions", "A blue square.");
        RunShapes.With([.. query, "--text", "zebra giraffe"]).Should().Match<(int Code, string Output, string Error)>(
            refused => refused.Code == 2 && refused.Error.Contains("training had none of its words"));
        RunShapes.With(query).Error.Should().Contain("--text");
        RunShapes.With([.. query, "--image", _folder.Path("nowhere.png")]).Error.Should().ContainAll("--image", "nowhere.png", "no such file");
    }

    [Fact]
    public void Broken_pictures_and_bad_lines_are_named_skipped_and_counted()
    {
        _folder.Fill(12);
        _folder.Files.File("broken.jpg", "no");
        File.AppendAllText(_folder.Path("captions.tsv"), "\nbroken.jpg\ta red thing\nmissing.png\ta red thing\nno tab at all\nfolder\ta red thing\n");
        Directory.CreateDirectory(_folder.Path("folder"));

        var (code, output, error) = RunShapes.With([.. Tiny.Training(_folder, "out")]);

        code.Should().Be(0, error);
        output.Should().ContainAll(
            "skipped broken.jpg: ", "skipped missing.png: there is no such file", "skipped folder: is a folder", "line 27: has 0 tabs",
            "12 of 15 pictures can be used; skipped 3 pictures and 1 lines", "12 pictures used, 4 pictures and lines skipped");
        using var summary = JsonDocument.Parse(File.ReadAllText(_folder.Path("out", "summary.json")));
        var data = summary.RootElement.GetProperty("data");
        data.GetProperty("pictures").GetInt32().Should().Be(12);
        data.GetProperty("captions").GetInt32().Should().Be(24);
        data.GetProperty("skipped").EnumerateArray().Select(one => one.GetProperty("name").GetString()).Should().Contain(["broken.jpg", "missing.png"]);
        var result = summary.RootElement.GetProperty("results")[0];
        result.GetProperty("retrieval").GetProperty("candidates").GetInt32().Should().Be(2);
        result.GetProperty("test_captions").GetInt32().Should().Be(4);
        result.GetProperty("alignment").GetDouble().Should().BeInRange(0, 4);
        result.GetProperty("modality_gap").GetDouble().Should().BeInRange(0, 2);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void A_run_that_was_stopped_goes_on_to_the_same_weights_and_figures_bit_for_bit(int stopAfter)
    {
        _folder.Fill(16);
        string[] more = ["--loss", "gamma", "--structure", "all", "--learn-temperature"];
        RunShapes.With([.. Tiny.Training(_folder, "whole"), .. more]).Code.Should().Be(0);

        RunShapes.Stopping(stopAfter, [.. Tiny.Training(_folder, "cut"), .. more]).Should().Match<(int Code, string Output, string Error)>(
            stopped => stopped.Code == 130 && stopped.Output.Contains("the same command goes on from there"));
        Directory.GetFiles(_folder.Path("cut", "runs"), "*.checkpoint").Should().ContainSingle();
        RunShapes.With([.. Tiny.Training(_folder, "cut"), .. more]).Should().Match<(int Code, string Output, string Error)>(
            resumed => resumed.Code == 0 && resumed.Output.Contains($"goes on after step {stopAfter} of "));

        Same.Models(_folder.Path("whole"), _folder.Path("cut"));
        Directory.GetFiles(_folder.Path("cut"), "*.checkpoint", SearchOption.AllDirectories).Should().BeEmpty();
    }

    [Fact]
    public void Other_pictures_in_the_same_output_folder_are_refused()
    {
        _folder.Fill(12);
        RunShapes.With(Tiny.Training(_folder, "out")).Code.Should().Be(0);
        _folder.Add("0.png", SKColors.Green);

        RunShapes.With(Tiny.Training(_folder, "out")).Should().Match<(int Code, string Output, string Error)>(
            refused => refused.Code == 2 && refused.Error.Contains("choose another --out"));
    }

    [Theory]
    [InlineData("--captions", "nowhere.tsv", "nowhere.tsv")]
    [InlineData("--image-dir", "nowhere", "no such folder")]
    [InlineData("--picture-size", "20", "multiple of 8")]
    [InlineData("--batch-size", "9", "only 8 items")]
    [InlineData("--pairs", "100", "--pairs is for drawn shapes")]
    public void What_cannot_be_trained_is_refused_before_anything_is_written(string option, string value, string word)
    {
        _folder.Fill(12);
        var arguments = Tiny.Training(_folder, "out").ToList();
        if (arguments.IndexOf(option) is >= 0 and var at)
            arguments[at + 1] = value;
        else
            arguments.AddRange([option, value]);

        var (code, _, error) = RunShapes.With([.. arguments]);

        code.Should().Be(2);
        error.Should().Contain(option).And.Contain(word);
        Directory.Exists(_folder.Path("out")).Should().BeFalse();
    }

    [Theory]
    [InlineData("--image-dir")]
    [InlineData("--captions")]
    public void An_empty_name_is_refused_by_its_option(string option)
    {
        string[] training = option == "--image-dir" ? [option, ""] : ["--image-dir", _folder.Root, option, ""];

        RunShapes.With(training).Should().Match<(int Code, string Output, string Error)>(
            refused => refused.Code == 2 && refused.Error.Contains($"{option} is empty"));
        RunShapes.With(["query", "--text", "a", .. training]).Error.Should().Contain($"{option} is empty");
        RunShapes.With(["query", "--image", ""]).Error.Should().Contain("--image is empty");
        RunShapes.With(["query", "--model", "", "--text", "a"]).Error.Should().Contain("--model is empty");
    }

    [Fact]
    public void A_folder_without_captions_is_refused_by_the_option_that_names_it()
    {
        RunShapes.With(Tiny.Training(_folder, "out")).Should().Match<(int Code, string Output, string Error)>(
            refused => refused.Code == 2 && refused.Error.StartsWith($"error: --image-dir {_folder.Root}: there is no captions.tsv in it"));
        RunShapes.With([.. Tiny.Training(_folder, "out"), "--captions", _folder.Path("mine.tsv")]).Error.Should().StartWith($"error: --captions {_folder.Path("mine.tsv")}");
        Directory.Exists(_folder.Path("out")).Should().BeFalse();
    }

    [Fact]
    public void What_was_measured_is_saved_though_the_picture_cannot_be()
    {
        _folder.Fill(12);
        Directory.CreateDirectory(_folder.Path("out", "curves.png"));

        var (code, _, error) = RunShapes.With(Tiny.Training(_folder, "out"));

        code.Should().Be(2);
        error.Should().Contain("curves.png");
        File.Exists(_folder.Path("out", "summary.json")).Should().BeTrue();
    }

    [Fact]
    public void A_damaged_checkpoint_is_refused_with_what_can_be_done()
    {
        _folder.Fill(12);
        RunShapes.Stopping(2, Tiny.Training(_folder, "out")).Code.Should().Be(130);
        var checkpoint = Directory.GetFiles(_folder.Path("out", "runs"), "*.checkpoint").Single();
        File.WriteAllText(checkpoint, "no checkpoint");

        RunShapes.With(Tiny.Training(_folder, "out")).Error.Should().ContainAll(checkpoint, "remove it or choose another --out");
    }

    [Theory]
    [InlineData("--out")]
    [InlineData("query")]
    [InlineData("bias")]
    public void A_file_on_the_way_to_the_output_is_seen_before_anything_is_read(string what)
    {
        var within = Path.Combine(_folder.Files.File("taken", "mine"), "within");
        string[] arguments = what switch
        {
            "query" => ["query", "--model", "nowhere", "--text", "a"],
            "bias" => ["bias", "--model", "nowhere"],
            _ => ["--image-dir", "nowhere"],
        };

        RunShapes.With([.. arguments, "--out", within]).Error.Should().ContainAll("--out", "is a file, not a folder");
    }

    [Fact]
    public void Nothing_usable_is_a_clear_refusal()
    {
        _folder.Files.File("captions.tsv", "a.png\tnot there");

        var (code, _, error) = RunShapes.With(Tiny.Training(_folder, "out"));

        code.Should().Be(2);
        error.Should().ContainAll("no usable picture", "a.png");
    }
}
