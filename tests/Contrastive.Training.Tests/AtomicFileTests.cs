namespace Contrastive.Training.Tests;

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

    [Fact]
    public void A_name_may_be_as_long_as_the_file_system_allows()
    {
        // Two bytes each in UTF-8, and one of one: 255, the limit on Linux. Windows and macOS count characters.
        var path = _folder.Path(new string('\u00e9', 127) + "a");
        AtomicFile.Write(path, [1]);
        AtomicFile.Write(path, [2]);
        File.ReadAllBytes(path).Should().Equal(2);
    }

    [Fact]
    public void What_killed_writers_left_is_removed_and_what_living_ones_write_is_not()
    {
        var leftOver = _folder.File(".contrastive-abcdefgh.ijk.tmp", "half");
        File.SetLastWriteTimeUtc(leftOver, DateTime.UtcNow.AddDays(-1));
        var other = _folder.File("contrastive-abcdefgh.ijk.tmp", "not ours");
        string outer = _folder.Path("outer"), inner = _folder.Path("inner");

        AtomicFile.Write(outer, stream =>
        {
            stream.WriteByte(1);
            stream.Flush();
            File.Exists(leftOver).Should().BeFalse();
            AtomicFile.Write(inner, [2]);
            AtomicFile.Write(outer, [3]);
            stream.WriteByte(4);
        });

        File.ReadAllBytes(outer).Should().Equal([1, 4], "the last to end has written the file");
        File.ReadAllBytes(inner).Should().Equal(2);
        Directory.GetFileSystemEntries(_folder.Root).Should().BeEquivalentTo(outer, inner, other);
    }

    [Fact]
    public void Many_writers_of_one_file_do_not_disturb_each_other()
    {
        var path = _folder.Path("a.bin");
        Parallel.For(0, 8, writer =>
        {
            for (var i = 0; i < 25; i++)
                AtomicFile.Write(path, Enumerable.Repeat((byte)writer, 100_000).ToArray());
        });

        var content = File.ReadAllBytes(path);
        content.Should().HaveCount(100_000).And.OnlyContain(value => value == content[0]);
        Directory.GetFileSystemEntries(_folder.Root).Should().Equal(path);
    }

    [UnixFact]
    public void A_symbolic_link_stays_one_and_its_target_is_written()
    {
        Directory.CreateDirectory(_folder.Path("disk", "deep"));
        var target = _folder.Path("disk", "target");
        File.WriteAllText(target, "old");
        // Out of a folder that is a link itself: ".." leads to disk, where deep lies, and not to the folder of the link.
        Directory.CreateSymbolicLink(_folder.Path("short"), _folder.Path("disk", "deep"));
        File.CreateSymbolicLink(_folder.Path("first"), "short/../second");
        File.CreateSymbolicLink(_folder.Path("disk", "second"), target);

        AtomicFile.Write(_folder.Path("first"), [1]);

        File.ReadAllBytes(target).Should().Equal(1);
        new FileInfo(_folder.Path("first")).LinkTarget.Should().Be("short/../second");
        new FileInfo(_folder.Path("disk", "second")).LinkTarget.Should().Be(target);

        File.CreateSymbolicLink(_folder.Path("dangling"), "./disk/new");
        AtomicFile.Write(_folder.Path("dangling"), [2]);
        File.ReadAllBytes(_folder.Path("disk", "new")).Should().Equal(2);

        File.CreateSymbolicLink(_folder.Path("circle"), "round");
        File.CreateSymbolicLink(_folder.Path("round"), "circle");
        FluentActions.Invoking(() => AtomicFile.Write(_folder.Path("circle"), [3]))
            .Should().Throw<IOException>().WithMessage("cannot write *circle: more than 40 symbolic links*");
        Directory.GetFiles(_folder.Root, ".contrastive-*", SearchOption.AllDirectories).Should().BeEmpty();
    }

    [UnixTheory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [InlineData(UnixFileMode.UserRead)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead)]
    public void Permissions_are_kept_and_what_is_half_written_is_for_the_writer_alone(UnixFileMode mode)
    {
        var path = _folder.File("secret", "old");
        Permissions(path, mode);

        AtomicFile.Write(path, stream => Permissions(((FileStream)stream).Name).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite));

        Permissions(path).Should().Be(mode);
        AtomicFile.Write(_folder.Path("new"), [1]);
        File.WriteAllText(_folder.Path("usual"), "");
        Permissions(_folder.Path("new")).Should().Be(Permissions(_folder.Path("usual")));
    }

    [Fact]
    public void A_folder_is_flushed_where_that_can_be_done()
    {
        FolderFlush.Flush(_folder.Root);
        FolderFlush.Flush(_folder.Path("none"));
        // Has no disk below it, and says so; that is no failure.
        if (Directory.Exists("/proc/self")) FolderFlush.Flush("/proc/self");
    }

#pragma warning disable CA1416 // Only in tests that run on Unix.
    private static UnixFileMode Permissions(string path) => File.GetUnixFileMode(path);

    private static void Permissions(string path, UnixFileMode mode) => File.SetUnixFileMode(path, mode);
#pragma warning restore CA1416
}

/// <summary>Links and permissions as Unix has them.</summary>
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute() => Skip = OperatingSystem.IsWindows() ? "for Unix" : null;
}

/// <inheritdoc cref="UnixFactAttribute"/>
internal sealed class UnixTheoryAttribute : TheoryAttribute
{
    public UnixTheoryAttribute() => Skip = OperatingSystem.IsWindows() ? "for Unix" : null;
}
