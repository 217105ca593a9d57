namespace Contrastive.Tests.Training;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_written_and_replaced_with_the_folders_on_its_way()
    {
        var path = _folder.Path("a", "b", "c.bin");

        AtomicFile.Write(path, [1, 2]);
        AtomicFile.Write(path, [3]);

        File.ReadAllBytes(path).Should().Equal(3);
        Directory.GetFiles(_folder.Root, "*", SearchOption.AllDirectories).Should().Equal(path);
    }

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
    public void A_place_that_cannot_be_written_is_named()
    {
        var file = _folder.File("file", "");

        FluentActions.Invoking(() => AtomicFile.Write(Path.Combine(file, "a.txt"), [1]))
            .Should().Throw<IOException>().WithMessage("cannot write *a.txt: *");
        Refuses(() => AtomicFile.Write("", [1]), "path");
    }
}
