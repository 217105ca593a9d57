using System.Reflection;
using System.Text.RegularExpressions;

namespace Contrastive.Documentation.Tests;

internal static partial class Repository
{
    public static string Root { get; } = typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    /// <summary>README.md, the pages of docs/ and the packages' READMEs, relative to the root.</summary>
    public static IEnumerable<string> Pages
        => new[] { "docs", "src" }.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.md", SearchOption.AllDirectories))
            .Select(path => Path.GetRelativePath(Root, path)).Order(StringComparer.Ordinal).Prepend("README.md");

    /// <summary>The READMEs of samples, relative to the root. They show commands and no programs.</summary>
    public static IEnumerable<string> SamplePages
        => Directory.EnumerateDirectories(Path.Combine(Root, "samples")).Select(folder => Path.Combine(folder, "README.md")).Where(File.Exists)
            .Select(path => Path.GetRelativePath(Root, path)).Order(StringComparer.Ordinal);

    /// <summary>The pages of the losses, one each.</summary>
    public static IEnumerable<string> LossPages => Pages.Where(page => Path.GetDirectoryName(page) == Path.Combine("docs", "losses"));

    public static string Read(string page) => File.ReadAllText(Path.Combine(Root, page));

    /// <summary>The C# examples of a page, in order.</summary>
    public static IReadOnlyList<string> Examples(string page)
        => [.. CSharpFence().Matches(Read(page).ReplaceLineEndings("\n")).Select(match => match.Groups["code"].Value)];

    [GeneratedRegex(@"^```csharp\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CSharpFence();
}
