using System.Reflection.PortableExecutable;

namespace Contrastive.Packages.Tests;

[Collection(nameof(PackedLibraries))]
public class SymbolTests(PackedLibraries packed)
{
    public static TheoryData<string> Ids => [.. PackedLibraries.Ids];

    [Theory]
    [MemberData(nameof(Ids))]
    public void The_symbols_package_has_the_assemblys_symbols(string id)
    {
        using var package = packed.OpenSymbols(id);
        package.Files.Should().BeEquivalentTo([$"{id}.nuspec", $"lib/net10.0/{id}.pdb"]);

        using var symbols = new Symbols(package.Read($"lib/net10.0/{id}.pdb"));
        using var library = packed.Open(id);
        using var assembly = new PEReader(new MemoryStream(library.Read($"lib/net10.0/{id}.dll")));
        var entry = assembly.ReadDebugDirectory().Single(entry => entry.Type == DebugDirectoryEntryType.CodeView);
        assembly.ReadCodeViewDebugDirectoryData(entry).Guid.Should().Be(symbols.Id);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_debugger_finds_every_source_at_the_commit_or_in_the_symbols(string id)
    {
        using var package = packed.OpenSymbols(id);
        using var symbols = new Symbols(package.Read($"lib/net10.0/{id}.pdb"));
        symbols.SourceLink.Should().Equal(new Dictionary<string, string>
        {
            ["/_/*"] = $"{PackedLibraries.Remote.Replace("github.com", "raw.githubusercontent.com")}/{PackedLibraries.Commit}/*",
        });

        symbols.Documents.Should().Contain(document => !document.Embedded);
        foreach (var (path, embedded) in symbols.Documents.Where(document => !document.Embedded))
        {
            path.Should().StartWith("/_/src/");
            File.Exists(Repository.File(path["/_/".Length..])).Should().BeTrue($"the repository has {path}");
            path.Should().NotContain("/obj/");
        }
    }

    [Fact]
    public void Without_a_remote_the_symbols_have_the_sources_themselves()
    {
        using var package = new PackageArchive(Path.Combine(packed.PackageWithoutGit, $"Contrastive.{packed.Version}.snupkg"));
        using var symbols = new Symbols(package.Read("lib/net10.0/Contrastive.pdb"));
        symbols.SourceLink.Should().BeEmpty();
        symbols.Documents.Should().NotBeEmpty().And.OnlyContain(document => document.Embedded && document.Path.StartsWith("/_/"));
    }
}
