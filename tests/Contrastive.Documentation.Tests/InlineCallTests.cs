using System.Text.RegularExpressions;

namespace Contrastive.Documentation.Tests;

public partial class InlineCallTests
{
    // What the text's calls take for granted.
    private const string Surroundings = """
        using Contrastive;
        using Contrastive.Distributed;
        using Contrastive.Evaluation;
        using Contrastive.Modality;
        using Contrastive.Training;
        using TorchSharp;
        using static TorchSharp.torch;

        using var tower = nn.Linear(2, 2);
        nn.Module[] encoders = [tower];
        var (weights, rate, weightDecay, device, epochs, samples) = (tower.named_parameters(), 0.001, 0.1, CPU, 10, 50_000);
        object?[] made = [encoders, weights, rate, weightDecay, device, epochs, samples];
        """;

    public static TheoryData<string> PagesWithCalls
        => [.. Repository.Pages.Where(page => Calls(page).Count > 0)];

    [Theory]
    [MemberData(nameof(PagesWithCalls))]
    public void Constructors_and_factories_named_in_the_text_can_be_called_as_they_stand(string page)
        => ExampleProgram.Run($"{Surroundings}\n{string.Join('\n', Calls(page).Select(call => $"made = [{call}];"))}\nConsole.WriteLine(made.Length);");

    [Fact]
    public void Each_situation_has_a_loss()
    {
        Calls("docs/choosing-a-loss.md").Should().HaveCountGreaterThan(5);
        Repository.LossPages.Append("docs/choosing-a-loss.md").SelectMany(Calls).Distinct().Should().HaveCountGreaterThan(15);
    }

    private static IReadOnlyList<string> Calls(string page)
        => [.. Call().Matches(Fence().Replace(Repository.Read(page).ReplaceLineEndings("\n"), "")).Select(match => match.Groups["call"].Value).Distinct()];

    [GeneratedRegex(@"`(?<call>(new [A-Z]|StepSizeSchedule\.[A-Z]|Temperature\.[LF]|BridgeTime\.[A-Z])[^`\n…]*[)}])`")]
    private static partial Regex Call();

    [GeneratedRegex(@"^```.*?^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
