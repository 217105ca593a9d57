using System.Text.Json;
using Contrastive.Samples.ImageSearch.Languages;
using Contrastive.Samples.Tests.Common;
using SkiaSharp;

namespace Contrastive.Samples.Tests.ImageSearch;

public sealed class LanguagesTests : IDisposable
{
    private static readonly string[] Small =
        ["--drawn", "120", "--buckets", "1024", "--channels", "4", "--features", "16", "--picture-size", "16", "--batch-size", "8", "--learning-rate", "0.01"];

    private readonly PictureFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void One_pair_for_all_and_one_a_language_are_measured_compared_and_not_trained_again_and_answer_in_each_language()
    {
        string[] command = ["languages", .. Small, "--epochs", "12", "--out", _folder.Path("out")];
        var (code, output, error) = RunSearch.With([.. command, "--languages", "ja,en"]);

        code.Should().Be(0, error);
        output.Should().ContainAll("240 pictures of 120 items with names in 2 languages; 96 items trained on", "name to picture", "untrained", "picture to picture", "shared - own", "en to ja");
        output.Split('\n').SkipWhile(line => !line.StartsWith("240 pictures", StringComparison.Ordinal)).TakeWhile(line => !line.StartsWith("written", StringComparison.Ordinal))
            .Should().OnlyContain(line => line.Length <= 100);
        File.Exists(_folder.Path("out", "languages.png")).Should().BeTrue();
        using var summary = JsonDocument.Parse(File.ReadAllText(_folder.Path("out", "summary.json")));
        var results = summary.RootElement.GetProperty("results").EnumerateArray().ToArray();
        results.Select(result => result.GetProperty("run").GetProperty("languages").GetString()).Should().Equal("en+ja", "en+ja", "en", "en", "ja", "ja");
        summary.RootElement.GetProperty("settings").GetProperty("languages").EnumerateArray().Select(language => language.GetString()).Should().Equal("en", "ja");
        foreach (var figures in results.Select(result => result.GetProperty("figures")))
        {
            foreach (var language in figures.GetProperty("languages").EnumerateArray())
                language.GetProperty("text_to_picture").GetProperty("recall_at_10").GetDouble().Should().BeGreaterThan(0.5, $"chance is .42: {figures}");
            figures.GetProperty("pictures").GetProperty("recall_at_10").GetDouble().Should().BeGreaterThan(0.4, "chance is .2");
        }

        var names = results[1].GetProperty("figures").GetProperty("names");
        names.GetProperty("mean").GetProperty("recall_at_10").GetDouble().Should().BeGreaterThan(0.5, "chance is .42");
        names.GetProperty("recall_at_1")[0][0].ValueKind.Should().Be(JsonValueKind.Null, "no language is asked for itself");

        // Models of the normal kind, their names and pictures with them.
        var model = Directory.GetDirectories(_folder.Path("out", "models"), "shared2*").Order(StringComparer.Ordinal).First();
        var (asked, answers, problem) = RunSearch.With("query", "--model", model, "--text", "大きな赤い星", "--text", "large red star", "--top", "3", "--out", _folder.Path("query.png"));
        asked.Should().Be(0, problem);
        answers.Should().ContainAll("大きな赤い星", "nearest of 240 pictures");

        var again = RunSearch.With([.. command, "--languages", "en,ja", "--finished"]);
        again.Output.Should().Contain("6 of 6 runs are finished already");
        // Another set of languages leaves the items and their split as they are: own pairs are done.
        RunSearch.With([.. command, "--languages", "en,fr", "--towers", "own", "--finished"]).Output.Should().Contain("2 of 4 runs are finished already");
        File.ReadAllText(_folder.Path("out", "runs.jsonl")).Should().NotContain(_folder.Root);
    }

    [Fact]
    public void Files_are_read_lines_that_say_nothing_are_named_and_a_word_of_two_languages_is_not_one()
    {
        var (items, names) = (new List<string>(), new List<string> { "0\ten", "1\te n\tred", "1\ten\tred" });
        for (var i = 0; i < 24; i++)
        {
            foreach (var vendor in new[] { "a", "b" })
            {
                _folder.Add($"{vendor}/{i}.png", new SKColor((byte)(10 * i), vendor == "a" ? (byte)40 : (byte)90, 60));
                items.Add($"{vendor}/{i}.png\t{i}");
            }

            // Called what another thing is called in the other language: two things all the same.
            names.AddRange([$"{i}\ten\tthing {i}", $"{i}\tde\tthing {i + 1}"]);
        }

        items.Add("a/0.png\t1");
        names.Add("24\ten\tno picture has it");
        _folder.Files.File("items.tsv", string.Join('\n', items));
        _folder.Files.File("names.tsv", string.Join('\n', names));
        string[] command =
        [
            "languages", "--images", _folder.Root, "--items", _folder.Path("items.tsv"), "--names", _folder.Path("names.tsv"), .. Small[2..^4], "--learning-rate", "0.01", "--epochs", "2",
            "--structure", "none", "--towers", "shared", "--shared-epochs", "1,2", "--out", _folder.Path("out"),
        ];

        var (code, output, error) = RunSearch.With([.. command, "--batch-size", "8"]);

        code.Should().Be(0, error);
        output.Should().ContainAll("48 pictures of 24 items with names in 2 languages", "line 1: has 1 tabs", "'e n' is no language", "is '0' and '1': the first counts", "shared 1 ep", "shared 2 ep");
        RunSearch.With([.. command, "--languages", "en,xx"]).Error.Should().ContainAll("--languages", "'xx'", "de, en");
        RunSearch.With([.. command, "--languages", "en"]).Error.Should().ContainAll("--languages", "en alone");
        RunSearch.With([.. command, "--batch-size", "20"]).Error.Should().ContainAll("--batch-size 20", "only 19 items");
        RunSearch.With("languages", "--images", _folder.Root, "--items", _folder.Path("items.tsv")).Error.Should().Contain("needs --names");
        RunSearch.With("languages", "--names", _folder.Path("names.tsv")).Error.Should().ContainAll("--names", "needs --images");
    }

    [Fact]
    public void Grid_has_equal_samples_a_run_and_as_many_more_of_the_shared_pair_as_are_asked_for()
    {
        var settings = new LanguagesSettings
        {
            Training = Settings.With(validation: false) with { Losses = ["gamma-mean"], BatchSizes = [4], Structures = [new("none"), new("in-modal") { Shift = 2 }], Seeds = [1] },
            Languages = ["de", "en"],
            Towers = ["own", "shared"],
            SharedEpochs = [3, 6],
        };

        settings.Grid.Select(key => (key.Languages, key.Epochs)).Should().Equal(
            ("de+en", 3), ("de+en", 3), ("de+en", 6), ("de+en", 6), ("de", 3), ("de", 3), ("en", 3), ("en", 3));
        settings.Grid.Select(key => key.FileName).Should().OnlyHaveUniqueItems();
    }
}
