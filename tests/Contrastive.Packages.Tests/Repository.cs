using System.Reflection;
using System.Xml.Linq;

namespace Contrastive.Packages.Tests;

internal static class Repository
{
    // What a build or an editor leaves behind.
    private static readonly string[] Leftovers = ["bin", "obj", "out", "TestResults"];

    public static string Root { get; } = Metadata("RepositoryRoot");

    /// <summary>The machine's folder of restored packages.</summary>
    public static string PackageFolder { get; } = Metadata("PackageFolder");

    public static string File(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>The version that Directory.Packages.props gives a package.</summary>
    public static string VersionOf(string package)
        => XDocument.Load(File("Directory.Packages.props")).Descendants("PackageVersion")
            .Single(element => (string?)element.Attribute("Include") == package).Attribute("Version")!.Value;

    /// <summary>Copies the sources: a build there meets no build that runs here at the same time.</summary>
    public static void CopyTo(string target)
    {
        Directory.CreateDirectory(target);
        foreach (var file in Directory.EnumerateFiles(Root)) System.IO.File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        foreach (var folder in new[] { "src", "samples", "tests" }) CopyFolder(Path.Combine(Root, folder), Path.Combine(target, folder));
        System.IO.File.Delete(Path.Combine(target, ".git"));    // in a worktree git has a file, not a folder
    }

    private static void CopyFolder(string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (var file in Directory.EnumerateFiles(source)) System.IO.File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        foreach (var folder in Directory.EnumerateDirectories(source))
        {
            if (!Leftovers.Contains(Path.GetFileName(folder))) CopyFolder(folder, Path.Combine(target, Path.GetFileName(folder)));
        }
    }

    private static string Metadata(string key) => typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == key).Value!;
}
