using System.CommandLine;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.ImageSearch.Querying;

/// <summary>What to look for, where, with which model.</summary>
/// <param name="Gallery">The model and the pictures to search.</param>
/// <param name="Texts">Each a query.</param>
/// <param name="Pictures">Picture files, each a query.</param>
/// <param name="Sheet">The contact sheet's file.</param>
internal sealed record QuerySettings(GallerySettings Gallery, IReadOnlyList<string> Texts, IReadOnlyList<string> Pictures, string Sheet);

/// <summary>The command <c>query</c> and its options.</summary>
internal sealed class QueryCommand
{
    private readonly GalleryOptions _gallery = new();
    private readonly Option<string[]> _text = new("--text") { Description = "What to look for; may be given several times", HelpName = "words" };
    private readonly Option<string[]> _image = new("--image") { Description = "A picture to find pictures and captions like it; may be given several times", HelpName = "file" };
    private readonly Option<string> _out = Text("--out", "query.png", "The contact sheet", "file");

    public QueryCommand()
    {
        Command = new Command("query", "Finds pictures for words, and pictures and captions for a picture, with trained towers.");
        Option[] options = [_text, _image, .. _gallery.All, _out];
        foreach (var option in options)
            Command.Add(option);
    }

    public Command Command { get; }

    public QuerySettings Settings(ParseResult parsed)
    {
        var settings = new QuerySettings(
            _gallery.Settings(parsed),
            parsed.GetValue(_text) ?? [],
            [.. (parsed.GetValue(_image) ?? []).Select(path => Name(_image, path)!)],
            OutputFolder.OfFile(parsed.GetRequiredValue(_out)));
        return settings.Texts.Count + settings.Pictures.Count > 0
            ? settings
            : throw new UserError("nothing to look for: give --text \"a red circle\" or --image picture.png");
    }
}
