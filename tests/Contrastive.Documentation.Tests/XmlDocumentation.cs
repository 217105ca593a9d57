using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Contrastive.Documentation.Tests;

/// <summary>The XML documentation that the compiler wrote beside an assembly.</summary>
internal sealed partial class XmlDocumentation
{
    private readonly Dictionary<string, XElement> _members;

    private XmlDocumentation(Dictionary<string, XElement> members) => _members = members;

    public static XmlDocumentation Of(Assembly assembly)
        => new(XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Root!
            .Element("members")!.Elements("member").ToDictionary(member => (string)member.Attribute("name")!));

    /// <summary>A type's summary as one line of Markdown; empty where it has none.</summary>
    public string Summary(Type type)
        => _members.TryGetValue($"T:{type.FullName}", out var member) && member.Element("summary") is { } summary
            ? Blanks().Replace(Text(summary), " ").Trim()
            : "";

    private static string Text(XElement element)
    {
        var text = new StringBuilder();
        foreach (var node in element.Nodes())
        {
            text.Append(node switch
            {
                XText plain => plain.Value.Replace("|", "\\|", StringComparison.Ordinal),
                XElement { Name.LocalName: "see" or "seealso" } see => $"`{Name((string?)see.Attribute("cref") ?? (string?)see.Attribute("langword") ?? "")}`",
                XElement { Name.LocalName: "paramref" or "typeparamref" } name => $"`{(string?)name.Attribute("name")}`",
                XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
                XElement other => Text(other),
                _ => "",
            });
        }
        return text.ToString();
    }

    /// <summary>From <c>P:Contrastive.Tiling.Rows</c> to <c>Tiling.Rows</c>, from <c>T:Contrastive.Tiling</c> to <c>Tiling</c>.</summary>
    private static string Name(string reference)
    {
        var parts = reference.Split('(')[0].Split(':')[^1].Split('.');
        return string.Join('.', parts.TakeLast(reference.StartsWith("T:", StringComparison.Ordinal) ? 1 : 2));
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
