using System.Text.RegularExpressions;

namespace Contrastive.Documentation.Tests;

/// <summary>What a page must have beside programs that run.</summary>
public partial class PageTests
{
    // Its programs show what not to do.
    private const string Warnings = "docs/torchsharp-reports.md";

    public static TheoryData<string> LossPages => [.. Repository.LossPages];

    public static TheoryData<string> PagesWithExamples => [.. Repository.Pages.Where(page => Repository.Examples(page).Count > 0 && page != Warnings)];

    public static TheoryData<string> AllPages => [.. Repository.Pages.Concat(Repository.SamplePages)];

    [Theory]
    [MemberData(nameof(LossPages))]
    public void A_loss_page_has_a_formula_a_program_and_says_when_and_when_not(string page)
    {
        var text = Repository.Read(page);
        text.Should().MatchRegex(@"(?m)^\$\$$", "the formula is LaTeX, which GitHub and the site render");
        Repository.Examples(page).Should().NotBeEmpty();
        Repository.Read("docs/choosing-a-loss.md").Should().Contain($"(losses/{Path.GetFileName(page)})");
        Repository.Read("docs/toc.yml").Should().Contain($"losses/{Path.GetFileName(page)}");
        if (Path.GetFileName(page) == "composite.md") return;
        text.Should().ContainAll("## Formula", "## Shapes", "## Example", "## When to take it", "## When not", "## Source");
    }

    [Fact]
    public void A_choice_is_made_by_a_short_table()
    {
        var rows = Repository.Read("docs/choosing-a-loss.md").ReplaceLineEndings("\n").Split("\n## ")[0].Split('\n').Count(line => line.StartsWith('|'));
        rows.Should().BeLessThanOrEqualTo(2 + 8, "the rest is on the pages of the losses");
    }

    [Theory]
    [MemberData(nameof(PagesWithExamples))]
    public void Examples_call_nothing_that_the_pages_warn_of(string page)
    {
        foreach (var example in Repository.Examples(page))
        {
            ExampleProgram.BannedCalls(example).Should().BeEmpty("a temporary Scalar may be freed during the call: use ToScalar() with using");
            example.Should().NotMatchRegex(@"optim\.\w+\(", "TorchSharp's optimisers make temporary Scalars: SafeAdamW does not");
        }
    }

    [Theory]
    [MemberData(nameof(AllPages))]
    public void A_page_says_first_whom_it_is_for(string page)
    {
        if (!page.StartsWith("docs", StringComparison.Ordinal) || page.Contains("site") || page is "docs/api.md") return;
        var lines = Repository.Read(page).ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines[0].Should().StartWith("# ");
        lines[1].Should().MatchRegex("^\\*.*[Ff]or readers (who|whose|with) ");
    }

    [Theory]
    [MemberData(nameof(AllPages))]
    public void Links_to_headings_lead_somewhere(string page)
    {
        var folder = Path.GetDirectoryName(page)!;
        foreach (Match match in Anchor().Matches(Prose(page)))
        {
            var (file, anchor) = (match.Groups["file"].Value, match.Groups["anchor"].Value);
            if (file.Contains("://", StringComparison.Ordinal)) continue;
            var target = file.Length == 0 ? page : Path.GetRelativePath(Repository.Root, Path.GetFullPath(Path.Combine(Repository.Root, folder, file)));
            Headings(target).Should().Contain(anchor, $"{page} links to {file}#{anchor}");
        }
    }

    /// <summary>The anchors of a page's headings, as GitHub and docfx make them.</summary>
    private static IEnumerable<string> Headings(string page)
        => Heading().Matches(Prose(page)).Select(match => Punctuation().Replace(match.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'));

    private static string Prose(string page) => Fence().Replace(Repository.Read(page).ReplaceLineEndings("\n"), "");

    [GeneratedRegex(@"\]\((?<file>[^)\s#]*)#(?<anchor>[^)\s]+)\)")]
    private static partial Regex Anchor();

    [GeneratedRegex("^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Punctuation();

    [GeneratedRegex("^```.*?^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
