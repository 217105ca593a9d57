using ArchUnitNET.Domain;
using ArchUnitNET.Fluent;
using ArchUnitNET.Loader;
using ArchUnitNET.xUnit;
using Contrastive.Distributed;
using Contrastive.Evaluation;
using Contrastive.Modality;
using Contrastive.Training;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using static ArchUnitNET.Fluent.ArchRuleDefinition;
using Architecture = ArchUnitNET.Domain.Architecture;
using Type = System.Type;

namespace Contrastive.Documentation.Tests;

/// <summary>
/// Which folder may use which: arrows run down only, and no two folders use each other. Types are told by the folder of their source,
/// and what they use, method bodies included, by their compiled code.
/// </summary>
public class LayerTests
{
    /// <summary>The folders of the libraries that have an order, each of which may use those before it.</summary>
    private static readonly Dictionary<string, string[]> Layers = new()
    {
        ["Contrastive"] = ["Similarity", "Pairs", "Engine", "Partition", "Memory", "Losses"],
        ["Contrastive.Modality"] = ["Losses", "Heads", "Structures", "Fusion"],
        ["Contrastive.Distributed"] = ["Communication", "Mpi", "Programs", "Training", "Losses"],
    };

    private static readonly Dictionary<string, Type> Libraries = new()
    {
        ["Contrastive"] = typeof(InfoNCELoss),
        ["Contrastive.Training"] = typeof(LargeBatchStep),
        ["Contrastive.Modality"] = typeof(CompositeLoss),
        ["Contrastive.Evaluation"] = typeof(Bootstrap),
        ["Contrastive.Distributed"] = typeof(DistributedLoss),
    };

    private static readonly Architecture Compiled = new ArchLoader().LoadAssemblies([.. Libraries.Values.Select(type => type.Assembly)]).Build();

    [Theory]
    [InlineData("Contrastive")]
    [InlineData("Contrastive.Modality")]
    [InlineData("Contrastive.Distributed")]
    public void A_library_has_the_folders_that_are_in_order(string library)
        => Folders(library).Values.Distinct().Should().BeEquivalentTo(Layers[library], "a folder beside them has no place in the order yet");

    [Theory]
    [InlineData("Contrastive", "Similarity")]
    [InlineData("Contrastive", "Pairs")]
    [InlineData("Contrastive", "Engine")]
    [InlineData("Contrastive", "Partition")]
    [InlineData("Contrastive", "Memory")]
    [InlineData("Contrastive.Modality", "Losses")]
    [InlineData("Contrastive.Modality", "Heads")]
    [InlineData("Contrastive.Modality", "Structures")]
    [InlineData("Contrastive.Distributed", "Communication")]
    [InlineData("Contrastive.Distributed", "Mpi")]
    [InlineData("Contrastive.Distributed", "Programs")]
    [InlineData("Contrastive.Distributed", "Training")]
    public void A_folder_uses_nothing_above_it(string library, string folder)
    {
        var above = Layers[library][(Array.IndexOf(Layers[library], folder) + 1)..];
        IArchRule rule = Types().That().Are(In(library, folder)).Should().NotDependOnAny(Types().That().Are(In(library, above)))
            .Because($"{folder} lies below {string.Join(", ", above)}");
        rule.Check(Compiled);
    }

    [Fact]
    public void Of_the_order_no_arrow_is_missing()
    {
        Uses("Contrastive").Should().Contain(
            [("Engine", "Pairs"), ("Engine", "Similarity"), ("Partition", "Engine"), ("Losses", "Engine"), ("Losses", "Partition")],
            "else this test looks at nothing");
        Uses("Contrastive.Modality").Should().BeEquivalentTo([("Heads", "Losses"), ("Structures", "Losses"), ("Fusion", "Losses")]);
    }

    [Theory]
    [InlineData("Contrastive")]
    [InlineData("Contrastive.Training")]
    [InlineData("Contrastive.Modality")]
    [InlineData("Contrastive.Evaluation")]
    [InlineData("Contrastive.Distributed")]
    public void No_folders_use_each_other_in_a_circle(string library)
    {
        var uses = Uses(library).ToLookup(use => use.From, use => use.To);
        foreach (var start in Folders(library).Values.Distinct())
        {
            var (seen, next) = (new HashSet<string>(), new Stack<string>(uses[start]));
            while (next.TryPop(out var folder))
            {
                folder.Should().NotBe(start, $"{library}: what {start} uses must not use {start} in turn");
                if (seen.Add(folder)) foreach (var used in uses[folder]) next.Push(used);
            }
        }
    }

    [Fact]
    public void The_rooms_of_evaluation_stand_on_scoring_alone()
    {
        Folders("Contrastive.Evaluation").Values.Distinct().Should().BeEquivalentTo(
            ["Scoring", "Retrieval", "Probes", "ZeroShot", "Answers", "Geometry", "Statistics", "GradientBias"], "a folder beside them has no place yet");
        var uses = Uses("Contrastive.Evaluation");
        uses.Should().OnlyContain(use => use.To == "Scoring", "no room needs another");
        uses.Select(use => use.From).Should().Contain(["Retrieval", "Probes", "ZeroShot", "Geometry"], "all that compare rows do it by one kernel");
    }

    /// <summary>Which folder uses which other of one library.</summary>
    private static HashSet<(string From, string To)> Uses(string library)
    {
        var folders = Folders(library);
        return [.. Of(library).SelectMany(type => type.Dependencies.Select(dependency => (From: FolderOf(type, folders), To: FolderOf(dependency.Target, folders))))
            .Where(use => use.From is not null && use.To is not null && use.From != use.To)
            .Select(use => (use.From!, use.To!))];
    }

    private static IEnumerable<IType> In(string library, params string[] wanted)
    {
        var folders = Folders(library);
        return Of(library).Where(type => wanted.Contains(FolderOf(type, folders)));
    }

    private static IEnumerable<IType> Of(string library)
        => Compiled.Types.Where(type => type.Assembly.Name.StartsWith(library + ",", StringComparison.Ordinal) || type.Assembly.Name == library);

    /// <summary>The folder right below the library's, of a type or of the one it is nested in; null for types of elsewhere.</summary>
    private static string? FolderOf(IType type, Dictionary<string, string> folders)
        => folders.GetValueOrDefault(type.FullName.Split('+', '`', '<')[0]);

    /// <summary>The folder of each type that is declared in a folder of a library.</summary>
    private static Dictionary<string, string> Folders(string library)
    {
        var (root, folders) = (Path.Combine(Repository.Root, "src", library), new Dictionary<string, string>());
        foreach (var file in Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories))
        {
            var parts = Path.GetRelativePath(root, file).Split(Path.DirectorySeparatorChar);
            if (parts.Length < 2 || parts[0] is "bin" or "obj") continue;
            var source = CSharpSyntaxTree.ParseText(File.ReadAllText(file)).GetRoot();
            var space = source.DescendantNodes().OfType<BaseNamespaceDeclarationSyntax>().Single();
            foreach (var type in space.Members.Select(NameOf).OfType<string>()) folders[$"{space.Name}.{type}"] = parts[0];
        }
        return folders;
    }

    private static string? NameOf(MemberDeclarationSyntax member) => member switch
    {
        BaseTypeDeclarationSyntax type => type.Identifier.Text,
        DelegateDeclarationSyntax type => type.Identifier.Text,
        _ => null,
    };
}
