using System.Globalization;
using System.Text.Json;
using Contrastive.Samples.ImageSearch.Training;
using Contrastive.Samples.Tests.Common;
using SkiaSharp;

namespace Contrastive.Samples.Tests.ImageSearch;

public sealed class TrainTests : IDisposable
{
    private static readonly string[] Figures =
    [
        "loss", "memory", "batch_size", "seed", "recall_at_1", "recall_at_5", "recall_at_10", "zero_shot", "probe_1", "probe_5", "probe_10", "seconds",
    ];

    private readonly PictureFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Drawn_pictures_are_learned_by_every_loss_and_measured()
    {
        var (code, output, error) = RunSearch.With(
            ["train", "--drawn", "120", .. RunSearch.Tiny, "--epochs", "8", "--learning-rate", "0.01", "--loss", "infonce,siglip,dcl,gamma,gamma-mean", "--memory", "0,8", "--out", _folder.Path("out")]);

        code.Should().Be(0, error);
        output.Should().Contain("gamma-mean + memory 8").And.Contain("120 items; 96 trained on, scored on 24 test items");
        File.Exists(_folder.Path("out", "recall.png")).Should().BeTrue();
        var results = RunSearch.Results(_folder.Path("out"));
        results.Select(result => (result.GetProperty("loss").GetString(), result.GetProperty("memory").GetInt32())).Should().Equal(
            ("infonce", 0), ("infonce", 8), ("siglip", 0), ("dcl", 0), ("dcl", 8), ("gamma", 0), ("gamma", 8), ("gamma-mean", 0), ("gamma-mean", 8));
        foreach (var result in results)
        {
            Figures.Should().OnlyContain(name => result.GetProperty(name).ValueKind != JsonValueKind.Null);
            result.GetProperty("recall_at_10").GetDouble().Should().BeGreaterThan(0.45, $"chance is .37: {result}");
            result.GetProperty("recall_at_10").GetDouble().Should().BeGreaterThanOrEqualTo(result.GetProperty("recall_at_1").GetDouble());
        }
    }

    [Fact]
    public void A_run_is_the_same_again_whatever_runs_beside_it_and_the_memory_changes_it()
    {
        RunSearch.With(Drawn("one", "--loss", "gamma", "--memory", "0,8", "--seeds", "3,", "--parallel", "1")).Code.Should().Be(0);
        RunSearch.With(Drawn("two", "--loss", "gamma-mean,gamma", "--memory", "8,0", "--seeds", "3,4", "--parallel", "2")).Code.Should().Be(0);

        foreach (var run in new[] { "gamma-m0-b4-s3", "gamma-m8-b4-s3" })
            Weights("two", run).Should().Equal(Weights("one", run));
        Weights("one", "gamma-m0-b4-s3").Should().NotEqual(Weights("one", "gamma-m8-b4-s3"));

        byte[] Weights(string folder, string run) => File.ReadAllBytes(_folder.Path(folder, "models", run, "model.safetensors"));
    }

    [Fact]
    public void A_finished_run_is_a_line_and_is_not_done_again()
    {
        var records = _folder.Path("runs.jsonl");
        string[] Command(string output, string losses) => Drawn(output, "--loss", losses, "--memory", "0", "--records", records, "--parallel", "1");
        // Stopped in the second run: 96 items, 2 epochs, batches of 4.
        RunSearch.Stopping(50, Command("out", "infonce,dcl")).Should().Match<(int Code, string Output, string Error)>(
            stopped => stopped.Code == 130 && stopped.Output.Contains("the same command goes on with the others"));
        File.ReadAllLines(records).Should().ContainSingle();

        // A killed program may leave half a line.
        File.AppendAllText(records, """{"run":{"loss":"dc""");
        var (code, output, error) = RunSearch.With(Command("out", "infonce,dcl"));

        code.Should().Be(0, error);
        output.Should().Contain("1 of 2 runs are finished already").And.NotContain("infonce B=4 seed 0: recall");
        File.ReadAllLines(records).Should().HaveCount(2).And.OnlyContain(line => line.StartsWith('{') && line.EndsWith('}'));
        RunSearch.With(Command("again", "dcl,infonce")).Output.Should().Contain("2 of 2 runs are finished already");
        RunSearch.Results(_folder.Path("again")).Should().HaveCount(2);
        // Other settings are other runs, in the same file.
        RunSearch.With([.. Command("other", "dcl"), "--shift", "1"]).Output.Should().Contain("dcl B=4 seed 0: recall");
        File.ReadAllLines(records).Should().HaveCount(3);

        File.WriteAllText(records, "no run\n" + File.ReadAllText(records));
        RunSearch.With(Command("out", "infonce")).Error.Should().ContainAll(records, "line 1", "--records");
    }

    [Fact]
    public void Validation_items_choose_between_step_sizes()
    {
        var (code, output, error) = RunSearch.With(Drawn("out", "--loss", "infonce", "--memory", "0", "--learning-rate", "0.001,0.01", "--validation"));

        code.Should().Be(0, error);
        output.Should().Contain("84 trained on, scored on 12 validation items");
        RunSearch.Results(_folder.Path("out")).Select(result => result.GetProperty("learning_rate").GetDouble()).Should().Equal(0.001, 0.01);
    }

    [Fact]
    public void A_tuned_step_size_is_chosen_on_validation_items_and_such_runs_are_resumed_and_compared()
    {
        var records = _folder.Path("runs.jsonl");
        string[] command = Drawn("out", "--loss", "infonce,dcl", "--memory", "0", "--learning-rate", "tuned", "--seeds", "1,2", "--no-models", "--records", records);
        RunSearch.Stopping(100, [.. command, "--parallel", "1"]).Code.Should().Be(130);
        var before = File.ReadAllLines(records);
        before.Should().NotBeEmpty();

        RunSearch.With([.. command, "--finished"]).Output.Should().Contain("no run is finished", "step sizes are not chosen yet");
        File.ReadAllLines(records).Should().Equal(before);

        var (code, output, error) = RunSearch.With(command);

        code.Should().Be(0, error);
        output.Should().Contain("validation recall@1").And.MatchRegex(@"dcl B=4 - infonce B=4 +[+-]0\.\d+ +0\.\d+ +\d/2");
        var lines = File.ReadAllLines(records);
        lines.Take(before.Length).Should().Equal(before, "what was finished is not done again");
        lines.Should().OnlyHaveUniqueItems();
        Directory.GetDirectories(_folder.Path("out", "models")).Should().BeEmpty();
        var results = RunSearch.Results(_folder.Path("out"));
        results.Should().HaveCount(4);
        foreach (var loss in results.GroupBy(result => result.GetProperty("loss").GetString()))
        {
            var validation = lines.Select(line => JsonDocument.Parse(line).RootElement)
                .Where(line => line.GetProperty("settings").GetProperty("validation").GetBoolean() && Run(line, "loss").GetString() == loss.Key).ToArray();
            validation.Length.Should().BeGreaterThanOrEqualTo(StepSizeChoice.Fewest);
            validation.Select(line => Run(line, "seed").GetInt64()).Should().AllBeEquivalentTo(1);
            var best = validation.Max(Recall);
            loss.Select(result => result.GetProperty("learning_rate").GetDouble()).Distinct().Should().ContainSingle().Which.Should().BeOneOf(
                validation.Where(line => Recall(line) == best).Select(line => Run(line, "learning_rate").GetDouble()));
        }

        RunSearch.With([.. command, "--finished"]).Output.Should().Contain("4 of 4 runs are finished already");
        File.ReadAllLines(records).Should().Equal(lines);
        RunSearch.With([.. command, "--validation"]).Error.Should().ContainAll("--learning-rate tuned", "--validation");

        static JsonElement Run(JsonElement line, string name) => line.GetProperty("run").GetProperty(name);

        static double Recall(JsonElement line) => line.GetProperty("result").GetProperty("recall_at_1").GetDouble();
    }

    [Theory]
    [InlineData(1, 1, "1,2,0.5")]
    [InlineData(4, 4, "1,2,4,8")]
    [InlineData(0.25, 0.25, "1,2,0.5,0.25,0.125")]
    [InlineData(1000, 16, "1,2,4,8,16")]
    public void Step_sizes_are_doubled_or_halved_while_that_is_better(double best, double chosen, string looked)
    {
        var asked = new List<double>();

        StepSizeChoice.Of(1, rate =>
        {
            asked.Add(rate);
            return -Math.Abs(Math.Log(rate / best));
        }).Should().Be(chosen);

        string.Join(',', asked.Select(rate => rate.ToString(CultureInfo.InvariantCulture))).Should().Be(looked);
        StepSizeChoice.Of(1, rate => rate == 1 ? 0.5 : null).Should().BeNull("what is not known cannot be chosen from");
    }

    [Fact]
    public void Own_pictures_and_drawings_are_trained_on_and_what_cannot_be_used_is_named_skipped_and_counted()
    {
        RedAndBlue.Fill(_folder);
        Directory.CreateDirectory(_folder.Path("folder"));
        File.AppendAllText(_folder.Path("captions.tsv"), "\nmissing.png\ta red thing\nno tab at all\nfolder\ta red thing\n");

        var (code, output, error) = RunSearch.With(RedAndBlue.Training(_folder));

        code.Should().Be(0, error);
        output.Should().ContainAll(
            "48 pictures of 24 items", "skipped broken.png: ", "skipped missing.png: there is no such file", "skipped folder: is a folder", "line 51: has 0 tabs",
            "48 of 51 pictures can be used; skipped 3 pictures and 1 lines");
        RunSearch.Results(_folder.Path("out"))[0].GetProperty("zero_shot").GetDouble().Should().BeGreaterThan(0.5);
        using var summary = JsonDocument.Parse(File.ReadAllText(_folder.Path("out", "summary.json")));
        var data = summary.RootElement.GetProperty("data");
        data.GetProperty("pictures").GetInt32().Should().Be(48);
        data.GetProperty("skipped_count").GetInt32().Should().Be(4);
        data.GetProperty("skipped").EnumerateArray().Select(one => one.GetProperty("name").GetString()).Should().Contain(["broken.png", "missing.png"]);

        // Other pixels are other runs.
        RunSearch.With(RedAndBlue.Training(_folder)).Output.Should().Contain("1 of 1 runs are finished already");
        _folder.Add("red-0.png", SKColors.Green);
        RunSearch.With(RedAndBlue.Training(_folder)).Output.Should().NotContain("finished already");
    }

    [Fact]
    public void Nothing_usable_is_a_clear_refusal()
    {
        _folder.Files.File("captions.tsv", "a.png\tnot there");

        var (code, _, error) = RunSearch.With("train", "--images", _folder.Root, "--captions", _folder.Path("captions.tsv"), "--out", _folder.Path("out"));

        code.Should().Be(2);
        error.Should().ContainAll("no usable picture", "a.png");
        RunSearch.With("train", "--images", _folder.Root, "--captions", _folder.Path("mine.tsv")).Error.Should().StartWith($"error: --captions {_folder.Path("mine.tsv")}");
        RunSearch.With("train", "--images", "").Error.Should().Contain("--images is empty");
        RunSearch.With("train", "--images", _folder.Root, "--captions", "").Error.Should().Contain("--captions is empty");
    }

    [Fact]
    public void What_was_measured_is_saved_though_the_picture_cannot_be()
    {
        Directory.CreateDirectory(_folder.Path("out", "recall.png"));

        var (code, _, error) = RunSearch.With(Drawn("out", "--loss", "infonce", "--memory", "0"));

        code.Should().Be(2);
        error.Should().Contain("recall.png");
        File.Exists(_folder.Path("out", "summary.json")).Should().BeTrue();
    }

    [Fact]
    public void Without_labels_there_is_retrieval_alone()
    {
        _folder.Fill(12);

        // Two captions are said of six pictures each: two items are all there are.
        RunSearch.With(["train", "--images", _folder.Root, "--captions", _folder.Path("captions.tsv"), .. RunSearch.Tiny, "--out", _folder.Path("out")])
            .Error.Should().Contain("2 items with captions are too few");

        _folder.Files.File("own.tsv", string.Join('\n', Enumerable.Range(0, 12).Select(picture => $"{picture}.png\tpicture {picture}")));
        RunSearch.With(["train", "--images", _folder.Root, "--captions", _folder.Path("own.tsv"), .. RunSearch.Tiny, "--epochs", "2", "--out", _folder.Path("out")])
            .Code.Should().Be(0);
        var result = RunSearch.Results(_folder.Path("out"))[0];
        Figures[7..11].Should().OnlyContain(name => result.GetProperty(name).ValueKind == JsonValueKind.Null);
    }

    [Fact]
    public void Batch_sizes_see_the_same_number_of_samples_and_the_step_size_follows_them()
    {
        var settings = Settings.With(validation: false);

        settings.Steps(4, 1000).Should().Be(750);
        settings.Steps(16, 1000).Should().Be(188);
        settings.Grid.Should().HaveCount(2 * 2 * 3).And.NotContain(key => key.Loss == "siglip" && key.Memory > 0);
        new SearchKey("dcl", 0, 64, null, 1).Rate.Should().BeApproximately(0.004, 1e-12);
        new SearchKey("dcl", 0, 64, 0.01, 1).Rate.Should().Be(0.01);
    }

    [Theory]
    [InlineData("--loss", "cosine", "not one of")]
    [InlineData("--memory", "-1", "between 0")]
    [InlineData("--batch-size", "1201", "only 1200 items")]
    [InlineData("--learning-rate", "fast", "not a number")]
    [InlineData("--captions", "a.tsv", "needs --images")]
    [InlineData("--images", "nowhere", "needs --captions")]
    [InlineData("--picture-size", "18", "multiple of 4")]
    [InlineData("--prompts", "nowhere.txt", "nowhere.txt")]
    public void What_cannot_be_trained_is_refused_before_anything_is_written(string option, string value, string word)
    {
        var (code, _, error) = RunSearch.With("train", option, value, "--out", _folder.Path("out"));

        code.Should().Be(2);
        error.Should().Contain(option).And.Contain(word);
        Directory.Exists(_folder.Path("out")).Should().BeFalse();
    }

    [Fact]
    public void Siglip_with_a_memory_alone_is_refused()
        => RunSearch.With(Drawn("out", "--loss", "siglip", "--memory", "8")).Error.Should().ContainAll("--memory 8", "siglip takes no memory");

    private string[] Drawn(string output, params string[] more)
        => ["train", "--drawn", "120", .. RunSearch.Tiny, "--epochs", "2", "--out", _folder.Path(output), .. more];
}
