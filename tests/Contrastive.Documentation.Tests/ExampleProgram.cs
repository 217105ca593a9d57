using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace Contrastive.Documentation.Tests;

/// <summary>An example as a reader would try it: pasted as Program.cs of a console project, built and run.</summary>
internal static class ExampleProgram
{
    // What a project made by `dotnet new console` imports by itself.
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly Lazy<IReadOnlyList<MetadataReference>> References = new(() =>
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path))]);

    /// <summary>What the program wrote to the console.</summary>
    /// <param name="code">The program.</param>
    /// <param name="path">Where it lies, for programs that ask.</param>
    /// <param name="arguments">Its command line.</param>
    public static string Run(string code, string path = "Program.cs", params string[] arguments)
    {
        var compilation = Compile(code, path);
        using var image = new MemoryStream();
        var result = compilation.Emit(image);
        result.Diagnostics.Where(d => d.Severity >= DiagnosticSeverity.Warning).Should().BeEmpty("an example compiles without a warning");

        image.Position = 0;
        var context = new AssemblyLoadContext("Example", isCollectible: true);
        var before = Console.Out;
        using var output = new StringWriter();
        Console.SetOut(output);
        try
        {
            var main = context.LoadFromStream(image).EntryPoint!;
            var returned = main.Invoke(null, main.GetParameters().Length == 0 ? null : [arguments]);
            if (returned is Task task) task.GetAwaiter().GetResult();
        }
        catch (TargetInvocationException exception)
        {
            throw new InvalidOperationException($"the example failed: {exception.InnerException!.Message}", exception.InnerException);
        }
        finally
        {
            Console.SetOut(before);
            context.Unload();
        }
        return output.ToString();
    }

    /// <summary>
    /// What a program calls of the symbols that <c>BannedSymbols.txt</c> bans in the libraries, and arithmetic of a tensor with a number, line by line.
    /// </summary>
    public static IReadOnlyList<string> BannedCalls(string code)
    {
        var compilation = Compile(code, "Program.cs");
        var tree = compilation.SyntaxTrees.First();
        var model = compilation.GetSemanticModel(tree);
        var calls = tree.GetRoot().DescendantNodes().SelectMany(node => new[] { model.GetSymbolInfo(node).Symbol, model.GetConversion(node).MethodSymbol }
            .Where(symbol => symbol is not null && IsBanned(symbol))
            .Select(symbol => $"line {node.GetLocation().GetLineSpan().StartLinePosition.Line + 1}: {node} ({symbol!.Name})"));
        return [.. calls.Distinct()];
    }

    private static bool IsBanned(ISymbol symbol)
        => Banned.Value.Contains(DocumentationCommentId.CreateDeclarationId(symbol.OriginalDefinition) ?? "")
            || (symbol is IMethodSymbol { MethodKind: MethodKind.UserDefinedOperator, ContainingType.Name: "Tensor" } arithmetic
                && arithmetic.Parameters.Any(parameter => parameter.Type.Name != "Tensor"));

    private static readonly Lazy<HashSet<string>> Banned = new(() =>
        [.. File.ReadLines(Path.Combine(Repository.Root, "src", "BannedSymbols.txt")).Select(line => line.Split(';')[0])]);

    private static CSharpCompilation Compile(string code, string path)
    {
        var options = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.CSharp14);
        return CSharpCompilation.Create(
            "Example",
            [CSharpSyntaxTree.ParseText(SourceText.From(code), options, path), CSharpSyntaxTree.ParseText(SourceText.From(ImplicitUsings), options)],
            References.Value,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable)
                // As every SDK project: an older reference of a package meets the newer framework.
                .WithSpecificDiagnosticOptions([new("CS1701", ReportDiagnostic.Suppress), new("CS1702", ReportDiagnostic.Suppress)]));
    }
}
