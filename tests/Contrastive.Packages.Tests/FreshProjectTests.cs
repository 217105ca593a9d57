using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Xunit.Abstractions;

namespace Contrastive.Packages.Tests;

/// <summary>The first hour of a new user, who has the packages and not the repository.</summary>
[Collection(nameof(PackedLibraries))]
public partial class FreshProjectTests(PackedLibraries packed, ITestOutputHelper output)
{
    private static (string, string) Natives => ("TorchSharp-cpu", Repository.VersionOf("TorchSharp-cpu"));

    [Fact]
    public void The_packages_example_trains_where_it_is_built_and_where_it_is_published()
    {
        using var project = new FreshProject(
            Example("src/Contrastive.Modality/README.md"),
            packed.Packages,
            ("Contrastive.Modality", packed.Version),
            ("Contrastive.Training", packed.Version),
            Natives);
        LossShouldFall(project.Dotnet("run", "-c", "Release"));

        project.Dotnet("publish", "-o", "portable");
        LossShouldFall(project.Dotnet(project.Path("portable", "App.dll")));

        project.Dotnet("publish", "-r", RuntimeInformation.RuntimeIdentifier, "--self-contained", "false", "-o", "for-this-system");
        LossShouldFall(project.Start(project.Path("for-this-system", OperatingSystem.IsWindows() ? "App.exe" : "App")));
    }

    /// <summary>docs/getting-started.md: the packages that it adds, and its program. `dotnet test --logger "console;verbosity=detailed"` shows the times.</summary>
    [Fact]
    public void Getting_started_leads_from_an_empty_folder_to_a_loss_that_falls()
    {
        var page = File.ReadAllText(Repository.File("docs", "getting-started.md")).ReplaceLineEndings("\n");
        var references = AddedPackage().Matches(page)
            .Select(match => (match.Groups["id"].Value, match.Groups["version"] is { Success: true } version ? version.Value : packed.Version)).ToArray();
        references.Should().HaveCountGreaterThan(1);
        using var project = new FreshProject(Example("docs/getting-started.md"), packed.Packages, references);

        var watch = Stopwatch.StartNew();
        project.Dotnet("restore");
        var restored = watch.Elapsed;
        project.Dotnet("build", "-c", "Release", "--no-restore");
        var built = watch.Elapsed;
        var losses = new List<double>();
        TimeSpan? fell = null;
        project.Follow(
            line =>
            {
                if (EpochLoss().Match(line) is not { Success: true } match) return;
                losses.Add(double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
                if (losses.Count > 1 && losses[^1] < losses[0]) fell ??= watch.Elapsed;
            },
            "run", "-c", "Release", "--no-build");

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"pack {packed.PackTime.TotalSeconds:F0} s, restore {restored.TotalSeconds:F0} s, build {(built - restored).TotalSeconds:F0} s, "
            + $"from there to a loss that has fallen {(fell - built)?.TotalSeconds:F1} s"));
        fell.Should().NotBeNull();
        losses[^1].Should().BeLessThan(losses[0] / 2);
    }

    [Fact]
    public void The_native_library_is_replaced_on_Linux_unless_the_project_says_no()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var project = new FreshProject("System.Console.WriteLine();", packed.Packages, ("Contrastive.Evaluation", packed.Version));
        project.Dotnet("build", "-o", "as-it-is", "-p:LoadTorchSharpOnOlderLinux=false");
        project.Dotnet("build", "-o", "marked");

        var native = Path.Combine(
            Repository.PackageFolder, "torchsharp", Repository.VersionOf("TorchSharp"), "runtimes", "linux-x64", "native", "libLibTorchSharp.so");
        var original = File.ReadAllBytes(native);
        project.LibTorchSharp("as-it-is").AsSpan().SequenceEqual(original).Should().BeTrue("the project said no");
        var marked = project.LibTorchSharp("marked");
        marked.Length.Should().Be(original.Length);
        var changes = Enumerable.Range(0, original.Length).Where(i => marked[i] != original[i]).ToArray();
        changes.Should().ContainSingle("one symbol version gets one flag");
        (original[changes[0]], marked[changes[0]]).Should().Be(((byte)0, (byte)2));
    }

    [Fact]
    public void A_project_with_TorchSharp_alone_takes_one_file_of_the_repository()
    {
        using var project = new FreshProject(
            "System.Console.WriteLine(TorchSharp.torch.ones(3).sum().item<float>());", packed.Packages, Natives);
        File.Copy(Repository.File("src", "Packaging", "TorchSharpOnOlderLinux.targets"), project.Path("Directory.Build.targets"));
        project.Dotnet("run").Trim().Should().Be("3");
    }

    [Fact]
    public void A_single_file_of_the_examples_runs_on_the_packages()
    {
        using var project = new FreshProject("", packed.Packages);
        var code = File.ReadAllText(Repository.File("samples", "Examples", "Quickstart.cs"))
            .Replace("#:package TorchSharp-cpu", $"#:package TorchSharp-cpu@{Repository.VersionOf("TorchSharp-cpu")}", StringComparison.Ordinal);
        code = ProjectLine().Replace(code, match => $"#:package {match.Groups["name"].Value}@{packed.Version}");
        code.Should().NotContain("#:project");
        File.WriteAllText(project.Path("Quickstart.cs"), code);
        project.Dotnet("run", "--file", "Quickstart.cs").Should().Contain("epoch 10: loss").And.Contain("recall@1");
    }

    private static void LossShouldFall(string output)
    {
        var losses = Loss().Matches(output).Select(match => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)).ToArray();
        losses.Should().HaveCount(10, output);
        losses[^1].Should().BeLessThan(losses[0] / 2);
    }

    private static string Example(string page)
        => CSharpFence().Match(File.ReadAllText(Repository.File(page)).ReplaceLineEndings("\n")).Groups["code"].Value;

    [GeneratedRegex(@"^step \d+: loss (-?[\d.]+)$", RegexOptions.Multiline)]
    private static partial Regex Loss();

    [GeneratedRegex(@"^    dotnet add package (?<id>\S+)( --version (?<version>\S+))?", RegexOptions.Multiline)]
    private static partial Regex AddedPackage();

    [GeneratedRegex(@"^epoch \d+: loss ([\d.]+)")]
    private static partial Regex EpochLoss();

    [GeneratedRegex(@"^#:project .*/(?<name>[\w.]+)\.csproj", RegexOptions.Multiline)]
    private static partial Regex ProjectLine();

    [GeneratedRegex(@"^```csharp\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CSharpFence();
}
