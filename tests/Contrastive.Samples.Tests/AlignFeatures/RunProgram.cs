using Contrastive.Samples.AlignFeatures;

namespace Contrastive.Samples.Tests.AlignFeatures;

/// <summary>Runs AlignFeatures in this process.</summary>
internal static class RunProgram
{
    public static (int Code, string Output, string Error) With(params string[] arguments) => Stopping(afterSteps: int.MaxValue, arguments);

    /// <summary>As if Ctrl-C were pressed after a number of training steps.</summary>
    public static (int Code, string Output, string Error) Stopping(int afterSteps, string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        using var stop = new CancellationTokenSource();
        var code = AlignFeaturesProgram.Run(arguments, output, error, Count, stop.Token);
        return (code, output.ToString(), error.ToString());

        void Count()
        {
            if (--afterSteps == 0)
                stop.Cancel();
        }
    }

    /// <summary>To the end, with the number of training steps it took.</summary>
    public static (int Code, string Error, int Steps) Counting(string[] arguments)
    {
        var (steps, error) = (0, new StringWriter());
        var code = AlignFeaturesProgram.Run(arguments, new StringWriter(), error, () => steps++, CancellationToken.None);
        return (code, error.ToString(), steps);
    }

    /// <summary>One line on standard error that says <paramref name="words"/>, exit code 2, and nothing written.</summary>
    public static void ShouldRefuse(TemporaryFolder folder, string[] arguments, params string[] words)
    {
        var before = Directory.GetFileSystemEntries(folder.Root, "*", SearchOption.AllDirectories);

        var (code, _, error) = With(arguments.Contains("--out") ? arguments : [.. arguments, "--out", folder.Path("out")]);

        code.Should().Be(2, error);
        error.Should().EndWith(Environment.NewLine);
        error.Trim().Should().NotBeEmpty().And.NotContain("\n");
        foreach (var word in words)
            error.Should().Contain(word);
        Directory.GetFileSystemEntries(folder.Root, "*", SearchOption.AllDirectories).Should().BeEquivalentTo(before);
    }
}
