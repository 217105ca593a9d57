using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Contrastive.Packages.Tests;

[Collection(nameof(PackedLibraries))]
public class PackageTests(PackedLibraries packed)
{
    public static TheoryData<string> Ids => [.. PackedLibraries.Ids];

    [Fact]
    public void Packing_the_solution_gives_the_libraries_and_their_symbols()
        => Directory.EnumerateFiles(packed.Packages).Select(Path.GetFileName).Should().BeEquivalentTo(
            PackedLibraries.Ids.SelectMany(id => new[] { $"{id}.{packed.Version}.nupkg", $"{id}.{packed.Version}.snupkg" }));

    [Theory]
    [MemberData(nameof(Ids))]
    public void The_package_holds_what_users_need_and_nothing_else(string id)
    {
        using var package = packed.Open(id);
        // The others have the targets through Contrastive.
        string[] targets = id == "Contrastive" ? [$"buildTransitive/{id}.targets"] : [];
        package.Files.Should().BeEquivalentTo(
            [$"{id}.nuspec", "README.md", "icon.png", $"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml", .. targets]);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void The_package_describes_itself(string id)
    {
        using var package = packed.Open(id);
        var metadata = package.Metadata;
        string? Value(string name) => metadata.Elements().SingleOrDefault(element => element.Name.LocalName == name)?.Value;

        Value("id").Should().Be(id);
        Value("version").Should().Be(packed.Version);
        Value("license").Should().Be("MIT");
        Value("readme").Should().Be("README.md");
        Value("icon").Should().Be("icon.png");
        Value("authors").Should().NotBeNullOrWhiteSpace();
        Value("tags").Should().Contain("contrastive-learning");
        Value("description").Should().Contain("TorchSharp").And.NotContain("Package Description");
        var repository = metadata.Elements().Single(element => element.Name.LocalName == "repository");
        ((string?)repository.Attribute("type"), (string?)repository.Attribute("url"), (string?)repository.Attribute("commit"))
            .Should().Be(("git", PackedLibraries.Remote + ".git", PackedLibraries.Commit));
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void The_package_depends_on_its_siblings_and_on_what_the_code_calls(string id)
    {
        string[] expected = id switch
        {
            "Contrastive" => [Library("TorchSharp")],
            "Contrastive.Training" or "Contrastive.Modality" or "Contrastive.Distributed" => [$"Contrastive {packed.Version}", Library("TorchSharp")],
            _ => [$"Contrastive {packed.Version}", Library("MathNet.Numerics"), Library("TorchSharp")],
        };
        using var package = packed.Open(id);
        var groups = package.Metadata.Descendants().Where(element => element.Name.LocalName == "group").ToArray();
        groups.Should().ContainSingle().Which.Attribute("targetFramework")!.Value.Should().Be("net10.0");
        groups[0].Elements().Select(element => $"{element.Attribute("id")!.Value} {element.Attribute("version")!.Value}")
            .Should().BeEquivalentTo(expected);

        static string Library(string name) => $"{name} {Repository.VersionOf(name)}";
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Every_public_type_is_documented(string id)
    {
        using var package = packed.Open(id);
        using var assembly = new PEReader(new MemoryStream(package.Read($"lib/net10.0/{id}.dll")));
        var reader = assembly.GetMetadataReader();
        var types = reader.TypeDefinitions.Select(reader.GetTypeDefinition)
            .Where(type => (type.Attributes & TypeAttributes.VisibilityMask) == TypeAttributes.Public && !reader.GetString(type.Name).Contains('<'))
            .Select(type => $"T:{reader.GetString(type.Namespace)}.{reader.GetString(type.Name)}").ToArray();

        using var stream = new MemoryStream(package.Read($"lib/net10.0/{id}.xml"));
        var documented = XDocument.Load(stream).Descendants("member").Select(member => member.Attribute("name")!.Value);
        types.Should().NotBeEmpty();
        documented.Should().Contain(types);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void The_page_shows_an_icon_and_links_that_lead_out_of_the_package(string id)
    {
        using var package = packed.Open(id);
        var icon = package.Read("icon.png");
        icon[1..4].Should().Equal("PNG"u8.ToArray());
        (BinaryPrimitives.ReadInt32BigEndian(icon.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(icon.AsSpan(20))).Should().Be((128, 128));

        var readme = Encoding.UTF8.GetString(package.Read("README.md"));
        readme.Should().StartWith($"# {id}\n").And.Contain($"dotnet add package {id}\n");
        Regex.Matches(readme, @"\]\(([^)]+)\)").Select(match => match.Groups[1].Value)
            .Should().OnlyContain(target => target.StartsWith("https://"));
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void The_same_commit_in_another_folder_gives_the_same_bytes(string id)
    {
        using var package = packed.Open(id);
        using var same = new PackageArchive(Path.Combine(packed.SamePackages, $"{id}.{packed.Version}.nupkg"));
        using var symbols = packed.OpenSymbols(id);
        using var sameSymbols = new PackageArchive(Path.Combine(packed.SamePackages, $"{id}.{packed.Version}.snupkg"));
        same.Files.Should().BeEquivalentTo(package.Files);
        foreach (var file in package.Files)
            same.Read(file).AsSpan().SequenceEqual(package.Read(file)).Should().BeTrue(file);
        sameSymbols.Read($"lib/net10.0/{id}.pdb").AsSpan().SequenceEqual(symbols.Read($"lib/net10.0/{id}.pdb")).Should().BeTrue();
    }
}
