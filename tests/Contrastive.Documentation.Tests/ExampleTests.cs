using System.Globalization;
using System.Text.RegularExpressions;

namespace Contrastive.Documentation.Tests;

public partial class ExampleTests
{
    public static TheoryData<string, int> Examples
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var page in Repository.Pages)
                for (var i = 0; i < Repository.Examples(page).Count; i++)
                    data.Add(page, i);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public void Every_example_compiles_and_runs(string page, int index)
        => ExampleProgram.Run(Repository.Examples(page)[index]);

    [Fact]
    public void The_READMEs_training_loop_has_twenty_lines_and_its_objective_falls()
    {
        var loop = Repository.Examples("README.md")[0];
        loop.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.StartsWith("using ", StringComparison.Ordinal) || line.Contains("var"))
            .Should().HaveCountLessThanOrEqualTo(20);
        var curve = Number().Matches(ExampleProgram.Run(loop)).Select(match => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)).ToArray();
        curve.Should().HaveCountGreaterThan(1);
        curve[^1].Should().BeLessThan(curve[0] / 2);
    }

    [Theory]
    [MemberData(nameof(Links))]
    public void Links_to_files_of_the_repository_lead_somewhere(string page, string target)
    {
        var folder = Path.GetDirectoryName(Path.Combine(Repository.Root, page))!;
        var path = Path.GetFullPath(Path.Combine(folder, target));
        (File.Exists(path) || Directory.Exists(path)).Should().BeTrue($"{page} links to {target}");
    }

    public static TheoryData<string, string> Links
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var page in Repository.Pages.Concat(Repository.SamplePages))
            {
                foreach (Match match in Link().Matches(Repository.Read(page)))
                {
                    var target = match.Groups["target"].Value.Split('#')[0];
                    if (target.Length > 0 && !target.Contains("://", StringComparison.Ordinal)) data.Add(page, target);
                }
            }
            return data;
        }
    }

    [GeneratedRegex(@"objective (-?[\d.]+)")]
    private static partial Regex Number();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();
}
