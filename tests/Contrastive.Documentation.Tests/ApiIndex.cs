using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Contrastive.Distributed;
using Contrastive.Evaluation;
using Contrastive.Modality;
using Contrastive.Training;

namespace Contrastive.Documentation.Tests;

/// <summary>docs/api.md: every public type of the libraries with its summary, from the XML documentation.</summary>
internal static class ApiIndex
{
    public const string Page = "docs/api.md";

    public static IReadOnlyList<Assembly> Libraries { get; } =
        [
            typeof(ContrastiveLoss).Assembly, typeof(LargeBatchStep).Assembly, typeof(ModalityLoss).Assembly, typeof(LinearProbe).Assembly,
            typeof(Communicator).Assembly,
        ];

    /// <summary>What a user can name, in order.</summary>
    public static IReadOnlyList<Type> TypesOf(Assembly library)
        => [.. library.GetExportedTypes()
            .Where(type => !type.IsNested && !type.IsDefined(typeof(CompilerGeneratedAttribute)))
            .OrderBy(type => type.Namespace, StringComparer.Ordinal).ThenBy(type => type.Name, StringComparer.Ordinal)];

    public static string Generate()
    {
        var page = new StringBuilder("""
            # API index

            Every public type with its summary, from the XML documentation; the links lead to the source, and on the site into the reference. Generated: after a change
            run `UPDATE_API_INDEX=1 dotnet test tests/Contrastive.Documentation.Tests --filter ApiIndex`. The full reference, members,
            parameters and exceptions, is built by `dotnet tool restore && dotnet docfx` into `out/site`.

            """);
        foreach (var library in Libraries)
        {
            var documentation = XmlDocumentation.Of(library);
            var name = library.GetName().Name!;
            page.Append($"\n## Package {name}\n");
            foreach (var types in TypesOf(library).GroupBy(type => type.Namespace!))
            {
                page.Append($"\nNamespace `{types.Key}`:\n\n| type | kind | summary |\n|---|---|---|\n");
                foreach (var type in types)
                    page.Append($"| [`{Name(type)}`](../{SourceOf(name, type)}) | {Kind(type)} | {documentation.Summary(type)} |\n");
            }
        }
        return page.ToString().ReplaceLineEndings("\n");
    }

    private static string Name(Type type)
        => type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(argument => argument.Name))}>" : type.Name;

    private static string Kind(Type type)
        => type.IsEnum ? "enum"
            : type.IsInterface ? "interface"
            : type.IsValueType ? "struct"
            : type.GetMethod("<Clone>$") is not null ? "record"
            : type is { IsAbstract: true, IsSealed: true } ? "static class"
            : type.IsAbstract ? "abstract class" : "class";

    /// <summary>The file that declares a type, relative to the repository's root.</summary>
    private static string SourceOf(string library, Type type)
    {
        var declaration = new Regex($@"^public .*\b(class|record|struct|enum|interface) {Regex.Escape(type.Name.Split('`')[0])}\b", RegexOptions.Multiline);
        var folder = Path.Combine(Repository.Root, "src", library);
        var files = Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(path => !Path.GetRelativePath(folder, path).StartsWith("obj", StringComparison.Ordinal) && declaration.IsMatch(File.ReadAllText(path)))
            .Order(StringComparer.Ordinal);
        return Path.GetRelativePath(Repository.Root, files.First()).Replace('\\', '/');
    }
}
