namespace Contrastive.Packages.Tests;

/// <summary>
/// What `dotnet pack` on the solution gives, twice: from two copies of the sources in different places, each the same commit
/// of a repository with a remote.
/// </summary>
/// <remarks>The version is one that nobody publishes, so that no cache ever takes these packages for real ones.</remarks>
public sealed class PackedLibraries : IDisposable
{
    public const string Remote = "https://github.com/example/contrastive";

    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TemporaryFolder folder = new();

    public PackedLibraries()
    {
        Version = $"0.0.1-test.{Guid.NewGuid():N}";
        Packages = Pack("first", "packages");
        SamePackages = Pack(Path.Combine("second", "and", "deeper"), "same-packages");
        PackageWithoutGit = PackWithoutGit("third", "package-without-git");
    }

    public string Version { get; }

    /// <summary>The folder of the packages.</summary>
    public string Packages { get; }

    /// <summary>The folder of those packed from the other copy.</summary>
    public string SamePackages { get; }

    /// <summary>The folder of `Contrastive`, packed from sources that no git knows.</summary>
    public string PackageWithoutGit { get; }

    public static IReadOnlyList<string> Ids { get; } = ["Contrastive", "Contrastive.Modality", "Contrastive.Evaluation"];

    public PackageArchive Open(string id) => new(Path.Combine(Packages, $"{id}.{Version}.nupkg"));

    public PackageArchive OpenSymbols(string id) => new(Path.Combine(Packages, $"{id}.{Version}.snupkg"));

    public void Dispose() => folder.Dispose();

    private string Pack(string sources, string output)
    {
        Repository.CopyTo(folder.Path(sources));
        var git = Directory.CreateDirectory(folder.Path(sources, ".git")).FullName;
        File.WriteAllText(Path.Combine(git, "HEAD"), Commit + "\n");
        File.WriteAllText(Path.Combine(git, "config"), $"[remote \"origin\"]\n\turl = {Remote}.git\n");
        return Pack(sources, output, "Contrastive.sln");
    }

    private string PackWithoutGit(string sources, string output)
    {
        Repository.CopyTo(folder.Path(sources));
        return Pack(sources, output, Path.Combine("src", "Contrastive", "Contrastive.csproj"));
    }

    private string Pack(string sources, string output, string project)
    {
        // The analyzers had their say when the solution was built.
        Dotnet.Run(
            folder.Path(sources), null, "pack", project, "-c", "Release", "-o", folder.Path(output),
            $"-p:Version={Version}", "-p:ContinuousIntegrationBuild=true", "-p:RunAnalyzers=false");
        return folder.Path(output);
    }
}

[CollectionDefinition(nameof(PackedLibraries))]
public sealed class PackedLibrariesCollection : ICollectionFixture<PackedLibraries>;
