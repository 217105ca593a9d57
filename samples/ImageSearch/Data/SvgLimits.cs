using System.Text.RegularExpressions;
using System.Xml;
using SkiaSharp;

namespace Contrastive.Samples.ImageSearch.Data;

/// <summary>
/// Refuses drawings that would take all memory, all time or the process: a few lines of svg can draw a pattern of patterns of patterns, each
/// ten times. Counted before anything is drawn, on the high side: what an element refers to may be drawn for each of its parts.
/// </summary>
internal static partial class SvgLimits
{
    private const int MostParts = 100_000;
    private const int Deepest = 200;
    private const int LongestEntities = 100_000;
    private const long MostMatches = 20_000_000;

    // So that parts measure the work of a picture in a drawing too.
    private const int PixelsOfAPart = 1000;

    /// <summary>And that of a long path or text, which is drawn as often as anything.</summary>
    private const int LettersOfAPart = 100;

    private static readonly HashSet<string> Gradients = ["linearGradient", "radialGradient"];

    /// <summary>An element: what is in it, what is drawn in its place, and what is drawn for each of its parts.</summary>
    private sealed class Element(string name)
    {
        public string Name => name;

        public List<Element> Children { get; } = [];

        public List<string> Uses { get; } = [];

        public List<string> Paints { get; } = [];

        public string[] Selected { get; set; } = [];

        public double OwnParts { get; set; } = 1;

        /// <summary>The most points that its path can have.</summary>
        public double Points { get; set; }

        /// <summary>The text in it.</summary>
        public string Text { get; set; } = "";

        /// <summary>Null until it is known.</summary>
        public (double Parts, int Height)? Drawn { get; set; }

        public bool IsBeingCounted { get; set; }
    }

    /// <param name="content">Of a drawing.</param>
    /// <exception cref="InvalidDataException">It is one of those, and the message says which.</exception>
    /// <exception cref="XmlException">It cannot be read.</exception>
    public static void Check(byte[] content)
    {
        var byId = new Dictionary<string, Element>();
        var styles = new List<string>();
        var (root, count) = Read(content, byId, styles);
        var rules = styles.SelectMany(Rules).ToArray();
        if ((long)rules.Length * count > MostMatches)
            throw new InvalidDataException($"is an svg with {rules.Length} rules of style for {count} parts, too many to match");
        foreach (var (names, paints) in rules.Where(rule => rule.Paints.Length > 0))
        {
            foreach (var element in All(root).Where(element => names.Contains("*") || element.Selected.Any(names.Contains)))
                element.Paints.AddRange(paints);
        }

        Count(root, byId, All(root).Sum(element => element.Points), depth: 0);
    }

    private static (Element Root, int Count) Read(byte[] content, Dictionary<string, Element> byId, List<string> styles)
    {
        using var reader = XmlReader.Create(new MemoryStream(content), new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Parse,
            XmlResolver = null,
            MaxCharactersFromEntities = LongestEntities,
        });
        var root = new Element("");
        var open = new Stack<Element>([root]);
        var count = 0;
        while (reader.Read())
        {
            if (reader.NodeType == XmlNodeType.EndElement && open.Pop() is { Name: "style" } style)
                styles.Add(Comment().Replace(Style(style.Text), ""));
            else if (reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA && open.Peek() is { Name: "style" } sheet)
                sheet.Text += reader.Value;
            else if (reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA)
                open.Peek().OwnParts += (double)reader.Value.Length / LettersOfAPart;
            if (reader.NodeType != XmlNodeType.Element)
                continue;
            if (open.Count > Deepest)
                throw TooDeep();
            if (++count > MostParts)
                throw TooMany(count);
            var isEmpty = reader.IsEmptyElement;
            var element = new Element(reader.LocalName);
            open.Peek().Children.Add(element);
            Attributes(reader, element, byId);
            if (!isEmpty)
                open.Push(element);
        }

        return (root, count);
    }

    private static void Attributes(XmlReader reader, Element element, Dictionary<string, Element> byId)
    {
        var selected = new List<string> { element.Name };
        while (reader.MoveToNextAttribute())
        {
            switch (reader.LocalName)
            {
                case "id":
                    byId.TryAdd(reader.Value, element);
                    selected.Add($"#{reader.Value}");
                    break;
                case "class":
                    selected.AddRange(reader.Value.Split((char[])[' ', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).Select(name => $".{name}"));
                    break;
                case "href" when reader.Value.TrimStart() is ['#', .. var id]:
                    element.Uses.Add(id.TrimEnd());
                    break;
                case "href" when reader.Value.TrimStart() is var data && data.StartsWith("data:", StringComparison.OrdinalIgnoreCase):
                    element.OwnParts += PartsOf(data);
                    break;
                case "d" or "points":
                    element.OwnParts += (double)reader.Value.Length / LettersOfAPart;
                    // A marker is drawn at each point, of two letters at least.
                    element.Points += reader.Value.Length / 2.0;
                    break;
                default:
                    element.Paints.AddRange(Paints(Style(reader.Value)));
                    break;
            }
        }

        element.Selected = [.. selected];
    }

    /// <summary>How many parts are drawn for an element, all that it refers to among them, and how deep that goes.</summary>
    private static (double Parts, int Height) Count(Element element, Dictionary<string, Element> byId, double points, int depth)
    {
        if (element.Drawn is { } known)
            return depth + known.Height <= Deepest ? known : throw TooDeep();
        if (element.IsBeingCounted)
            throw new InvalidDataException($"is an svg whose <{element.Name}> is drawn with itself");
        if (depth > Deepest)
            throw TooDeep();
        element.IsBeingCounted = true;
        var (own, times, height) = (element.OwnParts, 1.0, 0);
        foreach (var child in element.Children)
            own += Of(child);
        foreach (var id in element.Uses)
            own += byId.TryGetValue(id, out var used) ? Of(used) : 0;
        // A gradient costs nothing however many stops it has.
        // What makes up a gradient has colours alone.
        foreach (var id in element.Name == "stop" || Gradients.Contains(element.Name) ? [] : element.Paints)
            times += byId.TryGetValue(id, out var paint) && Of(paint) is var parts && !Gradients.Contains(paint.Name) ? parts * Repeats(paint) : 0;
        element.IsBeingCounted = false;
        element.Drawn = (own * times, height + 1);
        return own * times <= MostParts ? element.Drawn.Value : throw TooMany(own * times);

        // Which paths inherit a marker is not looked at: it is at each point of all of them.
        double Repeats(Element paint) => paint.Name == "marker" ? Math.Max(1, points) : 1;

        double Of(Element other)
        {
            var (parts, below) = Count(other, byId, points, depth + 1);
            height = Math.Max(height, below);
            return parts;
        }
    }

    private static double PartsOf(string data)
    {
        var comma = data.IndexOf(',', StringComparison.Ordinal);
        var bytes = new byte[data.Length];
        // What is written otherwise than in base 64 is text, and no picture's bytes.
        if (comma < 0 || !data[..comma].EndsWith(";base64", StringComparison.OrdinalIgnoreCase) || !Convert.TryFromBase64String(data[(comma + 1)..], bytes, out var length))
            return data.Contains("svg", StringComparison.OrdinalIgnoreCase) ? throw DrawingWithin() : 0;
        // Gzip's first bytes: a compressed drawing.
        if (SvgPicture.IsNamedInside(bytes.AsSpan(0, length)) || bytes is [0x1f, 0x8b, ..] || data[..comma].Contains("svg", StringComparison.OrdinalIgnoreCase))
            throw DrawingWithin();
        using var picture = SKData.CreateCopy(bytes.AsSpan(0, length));
        using var codec = length == 0 ? null : SKCodec.Create(picture);
        var pixels = codec is null ? 0 : (double)codec.Info.Width * codec.Info.Height;
        return pixels / PixelsOfAPart <= MostParts
            ? pixels / PixelsOfAPart
            : throw new InvalidDataException($"is an svg with a picture of {codec!.Info.Width} x {codec.Info.Height} pixels in it");
    }

    private static IEnumerable<(HashSet<string> Names, string[] Paints)> Rules(string style)
        => Rule().Matches(style).Select(rule => (Name().Matches(rule.Groups[1].Value).Select(name => name.Value).ToHashSet(), Paints(rule.Groups[2].Value)));

    private static string[] Paints(string text)
        => text.Contains('#', StringComparison.Ordinal) ? [.. Reference().Matches(text).Select(reference => reference.Groups[1].Value)] : [];

    private static string Style(string text)
        => text.Contains('\\', StringComparison.Ordinal) && text.Contains('#', StringComparison.Ordinal)
            ? throw new InvalidDataException("is an svg with escaped characters among its references")
            : text;

    private static IEnumerable<Element> All(Element root)
    {
        var left = new Stack<Element>([root]);
        while (left.TryPop(out var element))
        {
            yield return element;
            foreach (var child in element.Children)
                left.Push(child);
        }
    }

    private static InvalidDataException TooDeep() => new($"is an svg that is nested more than {Deepest} deep");

    private static InvalidDataException TooMany(double parts) => new($"is an svg that draws {parts:G3} parts or more, beyond {MostParts}");

    private static InvalidDataException DrawingWithin() => new("is an svg with another svg as an image in it");

    [GeneratedRegex(@"url\(\s*[""']?\s*#([^""')\s]+)", RegexOptions.IgnoreCase)]
    private static partial Regex Reference();

    [GeneratedRegex(@"/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"([^{}]*)\{([^{}]*)\}")]
    private static partial Regex Rule();

    // Of a selector all that it names: an element with any of it may be meant.
    [GeneratedRegex(@"[.#]?[\w-]+|\*")]
    private static partial Regex Name();
}
