using System.Diagnostics;

namespace Contrastive.Packages.Tests;

/// <summary>
/// What `dotnet pack` on the solution gives, and on the libraries in another copy of the sources, at another place; both the same
/// commit of a repository with a remote. And what it gives where git knows of nothing.
/// </summary>
/// <remarks>The version is one that nobody publishes, so that no cache ever takes these packages for real ones.</remarks>
public sealed class PackedLibraries : IDisposable
{
    public const string Remote = "https://github.com/example/contrastive";

    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TemporaryFolder _folder = new();

    public PackedLibraries()
    {
        Version = $"0.0.1-test.{Guid.NewGuid():N}";
        (Packages, SamePackages, PackageWithoutGit) = (_folder.Path("packages"), _folder.Path("same-packages"), _folder.Path("package-without-git"));
        Parallel.Invoke(
            () =>
            {
                var sources = CopySources("first", git: true);
                var watch = Stopwatch.StartNew();
                Pack(sources, Packages, "Contrastive.sln");
                PackTime = watch.Elapsed;
            },
            () => Pack(CopySources(Path.Combine("second", "and", "deeper"), git: true), SamePackages, "Libraries.slnx"),
            () => Pack(CopySources("third", git: false), PackageWithoutGit, Path.Combine("src", "Contrastive", "Contrastive.csproj")));
    }

    public string Version { get; }

    /// <summary>How long `dotnet pack` took on the solution, restore and build with it; two smaller packs ran beside it.</summary>
    public TimeSpan PackTime { get; private set; }

    /// <summary>The folder of the packages.</summary>
    public string Packages { get; }

    /// <summary>The folder of those packed from the other copy.</summary>
    public string SamePackages { get; }

    /// <summary>The folder of `Contrastive`, packed from sources that no git knows.</summary>
    public string PackageWithoutGit { get; }

    public static IReadOnlyList<string> Ids { get; } = ["Contrastive", "Contrastive.Training", "Contrastive.Modality", "Contrastive.Evaluation", "Contrastive.Distributed"];

    public PackageArchive Open(string id) => new(Path.Combine(Packages, $"{id}.{Version}.nupkg"));

    public PackageArchive OpenSymbols(string id) => new(Path.Combine(Packages, $"{id}.{Version}.snupkg"));

    public void Dispose() => _folder.Dispose();

    private string CopySources(string name, bool git)
    {
        var copy = _folder.Path(name);
        Repository.CopyTo(copy);
        File.WriteAllText(
            Path.Combine(copy, "Libraries.slnx"),
            $"<Solution>{string.Concat(Ids.Select(id => $"""<Project Path="src/{id}/{id}.csproj" />"""))}</Solution>");
        if (!git) return copy;
        Directory.CreateDirectory(Path.Combine(copy, ".git"));
        File.WriteAllText(Path.Combine(copy, ".git", "HEAD"), Commit + "\n");
        File.WriteAllText(Path.Combine(copy, ".git", "config"), $"[remote \"origin\"]\n\turl = {Remote}.git\n");
        return copy;
    }

    private void Pack(string sources, string output, string project)
        // The analyzers had their say when the solution was built.
        => Dotnet.Run(
            sources, null, "pack", project, "-c", "Release", "-o", output,
            $"-p:Version={Version}", "-p:ContinuousIntegrationBuild=true", "-p:RunAnalyzers=false");
}

[CollectionDefinition(nameof(PackedLibraries))]
public sealed class PackedLibrariesCollection : ICollectionFixture<PackedLibraries>;
