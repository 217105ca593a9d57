using System.Globalization;
using System.Text.RegularExpressions;

namespace Contrastive.Documentation.Tests;

public partial class GettingStartedTests
{
    [Fact]
    public void The_loss_falls_and_new_items_find_their_partners()
    {
        var output = ExampleProgram.Run(Repository.Examples("docs/getting-started.md")[0]);
        var losses = Numbers(Loss(), output);
        losses.Should().HaveCount(10);
        losses[^1].Should().BeLessThan(losses[0] / 4);
        Numbers(Recall(), output).Should().HaveCount(2)
            .And.Satisfy(before => before < 5, after => after > 80);
    }

    private static double[] Numbers(Regex pattern, string text)
        => [.. pattern.Matches(text).Select(match => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];

    [GeneratedRegex(@"loss ([\d.]+)")]
    private static partial Regex Loss();

    [GeneratedRegex(@"recall@1 ([\d.]+)")]
    private static partial Regex Recall();
}
