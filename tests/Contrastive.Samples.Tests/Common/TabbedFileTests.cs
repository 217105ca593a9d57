namespace Contrastive.Samples.Tests.Common;

public sealed class TabbedFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_picture_has_all_captions_of_its_lines_and_one_name_whatever_its_spelling()
    {
        var (files, skipped) = Read("\uFEFFimage\tcaption\nb.png\tone\r\na.png\tzwei Wörter\n\nsub/../b.png\ttwo\nb.png\tone\n");

        skipped.Should().BeEmpty();
        files.Select(file => file.Name).Should().Equal("b.png", "a.png");
        files[0].Values.Should().Equal("one", "two");
        files[1].Values.Should().Equal("zwei Wörter");
        files[0].Path.Should().Be(_folder.Path("b.png"));
    }

    [Fact]
    public void Absolute_names_and_names_outside_the_folder_are_taken_as_written()
    {
        var elsewhere = Path.GetFullPath(Path.Combine(_folder.Root, "..", "other.png"));

        var (files, _) = Read($"../other.png\tone\n{elsewhere}\ttwo\n");

        files.Should().ContainSingle();
        files[0].Path.Should().Be(elsewhere);
        files[0].Values.Should().Equal("one", "two");
    }

    [Theory]
    [InlineData("a.png", "0 tabs")]
    [InlineData("a.png\tx\ty", "2 tabs")]
    [InlineData("\tx", "no picture")]
    [InlineData("a.png\t ", "says nothing")]
    [InlineData("a\0.png\tx", "null")]
    public void A_bad_line_is_named_by_its_number_and_skipped(string line, string why)
    {
        var (files, skipped) = Read($"good.png\tfine\n{line}\nlast.png\tfine");

        files.Select(file => file.Name).Should().Equal("good.png", "last.png");
        skipped.Should().ContainSingle();
        skipped[0].Name.Should().EndWith("line 2");
        skipped[0].Reason.Should().Contain(why);
    }

    [Fact]
    public void A_line_that_is_not_UTF_8_is_named_and_skipped()
    {
        var path = _folder.File("captions.tsv", [.. "a.png\tx\nb.png\t"u8, 0xFF, .. "\nc.png\ty"u8]);
        var skipped = new List<Skipped>();

        TabbedFile.Read("--captions", path, _folder.Root, skipped).Select(file => file.Name).Should().Equal("a.png", "c.png");
        skipped.Should().ContainSingle().Which.Should().Match<Skipped>(line => line.Name.EndsWith("line 2") && line.Reason.Contains("UTF-8"));
    }

    [Fact]
    public void Of_what_may_be_said_once_the_first_counts()
    {
        var skipped = new List<Skipped>();
        var labels = _folder.File("labels.tsv", "a.png\tone\n./a.png\ttwo\nb.png\tthree");

        var read = TabbedFile.ReadOne("--labels", labels, _folder.Root, skipped);

        read.Should().Equal(new Dictionary<string, string> { [_folder.Path("a.png")] = "one", [_folder.Path("b.png")] = "three" });
        skipped.Should().ContainSingle().Which.Reason.Should().Be("is 'one' and 'two': the first counts");
    }

    private (IReadOnlyList<NamedPicture> Files, List<Skipped> Skipped) Read(string content)
    {
        var skipped = new List<Skipped>();
        return (TabbedFile.Read("--captions", _folder.File("captions.tsv", content), _folder.Root, skipped), skipped);
    }
}
