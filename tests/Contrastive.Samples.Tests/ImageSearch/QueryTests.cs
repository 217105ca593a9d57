using Contrastive.Samples.Tests.Common;
using SkiaSharp;

namespace Contrastive.Samples.Tests.ImageSearch;

public sealed class QueryTests(TrainedOnRedAndBlue trained) : IClassFixture<TrainedOnRedAndBlue>, IDisposable
{
    private readonly PictureFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_pictures_a_model_was_trained_on_are_found_by_words_and_by_pictures_and_give_captions()
    {
        var (code, output, error) = Query("--text", "all red", "--image", trained.Folder.Path("blue-1.svg"), "--top", "3");

        code.Should().Be(0, error);
        Order(output, "\"all red\": the nearest of 48 pictures", 3).Should().OnlyContain(name => name.StartsWith("red-"));
        Order(output, "like ", 3).Should().OnlyContain(name => name.StartsWith("blue-"));
        output.Should().Contain("the nearest of 24 captions").And.Contain("all blue");
        output.Should().NotContain("sheet.png ", "a folder may have more than the pictures trained on");
    }

    [Fact]
    public void Pictures_of_another_folder_and_of_those_in_it_are_searched_and_what_is_no_picture_is_skipped()
    {
        _folder.Add("gallery/new-red.png", new SKColor(210, 5, 30), 60, 30);
        _folder.Add("gallery/deep/new-blue.png", new SKColor(30, 5, 210));
        _folder.Files.File("gallery/broken.png", "not a picture");
        _folder.Files.File("gallery/notes.txt", "not meant as one");

        var (code, output, error) = Query(
            "--text", "all red", "--text", "all blue zebra", "--image", _folder.Path("gallery", "new-red.png"), "--images", _folder.Path("gallery"));

        code.Should().Be(0, error);
        output.Should().Contain("skipped broken.png: ").And.Contain("the nearest of 2 pictures").And.NotContain("notes.txt").And.NotContain("nearest of 0 captions");
        Order(output, "\"all red\": the nearest", 2).Should().Equal("new-red.png", "new-blue.png");
        Order(output, "\"all blue zebra\": the nearest", 2).Should().Equal("new-blue.png", "new-red.png");
        Order(output, "like ", 2).Should().Equal("new-red.png", "new-blue.png");
        using var sheet = SKBitmap.Decode(_folder.Path("sheet.png"));
        // Two answers and, in the last section, the picture asked for: three columns, one row a section.
        (sheet.Width, sheet.Height).Should().Be((14 + (3 * (144 + 14)), 14 + (3 * (30 + 144 + (4 * 16) + 14))));
    }

    [Fact]
    public void Many_pictures_have_an_index_which_is_kept_and_answers_as_the_comparison_with_all_does()
    {
        var (_, exact, _) = Query("--text", "all red", "--image", trained.Folder.Path("blue-1.svg"), "--top", "5");

        var indexed = Indexed();

        indexed.Should().Contain("indexing 48 pictures").And.Contain("indexing 24 captions");
        Answers(indexed).Should().Be(Answers(exact));
        var again = Indexed();
        again.Should().NotContain("indexing");
        Answers(again).Should().Be(Answers(exact));

        // One of pictures as they were before, and one that is cut short.
        var kept = Indexes().Single(file => Path.GetFileName(file).StartsWith("pictures-", StringComparison.Ordinal));
        File.Move(kept, kept.Replace("pictures-", "pictures-0", StringComparison.Ordinal));
        File.WriteAllText(kept, "no index");
        Answers(Indexed()).Should().Be(Answers(exact));
        Indexes().Should().HaveCount(2).And.Contain(kept);

        IEnumerable<string> Indexes() => Directory.EnumerateFiles(trained.Model, "*.usearch", SearchOption.AllDirectories);

        string Indexed()
        {
            var (code, output, error) = Query("--text", "all red", "--image", trained.Folder.Path("blue-1.svg"), "--top", "5", "--exact-up-to", "23");
            code.Should().Be(0, error);
            return output;
        }

        static string Answers(string output) => output[output.IndexOf("\"all red\"", StringComparison.Ordinal)..];
    }

    [Fact]
    public void What_cannot_be_asked_is_refused_by_its_option()
    {
        Query().Error.Should().Contain("--text");
        Query("--text", "?!").Error.Should().ContainAll("--text", "has no words");
        Query("--image", _folder.Path("nowhere.png")).Error.Should().ContainAll("--image", "nowhere.png", "no such file");
        Query("--text", "a", "--images", _folder.Path("nowhere")).Error.Should().ContainAll("--images", "nowhere", "no such folder");
        Query("--text", "a", "--captions", "a.tsv").Error.Should().Contain("--captions needs --images");
        RunSearch.With("query", "--text", "a", "--model", _folder.Path("nowhere")).Error.Should().ContainAll("--model", "no such folder");
        foreach (var option in new[] { "--image", "--images", "--captions", "--model", "--out" })
            RunSearch.With("query", "--text", "a", option, "").Error.Should().Contain($"{option} is empty");
    }

    [Theory]
    [InlineData("train")]
    [InlineData("query")]
    public void A_file_on_the_way_to_the_output_is_seen_before_anything_is_read(string what)
    {
        var within = Path.Combine(_folder.Files.File("taken", "mine"), "within");
        string[] arguments = what == "query" ? ["query", "--model", "nowhere", "--text", "a"] : ["train", "--images", "nowhere", "--captions", "nowhere"];

        RunSearch.With([.. arguments, "--out", within]).Error.Should().ContainAll("--out", "is a file, not a folder");
    }

    private (int Code, string Output, string Error) Query(params string[] more)
        => RunSearch.With(["query", "--model", trained.Model, "--out", _folder.Path("sheet.png"), .. more]);

    private static IEnumerable<string> Order(string output, string query, int count)
        => output[output.IndexOf(query, StringComparison.Ordinal)..].Split('\n').Skip(3).Take(count).Select(row => Path.GetFileName(row.Split(' ')[0]));
}
