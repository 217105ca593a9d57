using System.CommandLine;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.ImageSearch.Querying;

/// <summary>What to look for, where, with which model.</summary>
/// <param name="Model">The model's folder.</param>
/// <param name="Texts">Each a query.</param>
/// <param name="Pictures">Picture files, each a query.</param>
/// <param name="Top">How many answers each query has.</param>
/// <param name="Images">The pictures to search; null for those the model was trained on.</param>
/// <param name="Captions">Their captions.</param>
/// <param name="Device">Where the towers run.</param>
/// <param name="Sheet">The contact sheet's file.</param>
internal sealed record QuerySettings(
    string Model, IReadOnlyList<string> Texts, IReadOnlyList<string> Pictures, int Top, string? Images, string? Captions, string Device, string Sheet);

/// <summary>The command <c>query</c> and its options.</summary>
internal sealed class QueryCommand
{
    private readonly Option<string> _model = Text("--model", "out/image-search", "A folder with model.json, or an experiment's with one trained run", "folder");
    private readonly Option<string[]> _text = new("--text") { Description = "What to look for; may be given several times", HelpName = "words" };
    private readonly Option<string[]> _image = new("--image") { Description = "A picture to find pictures and captions like it; may be given several times", HelpName = "file" };
    private readonly Option<string> _top = Text("--top", "12", "How many answers each query has", "n");
    private readonly Option<string> _images = new("--images") { Description = "Search the pictures of this folder; without it those the model was trained on", HelpName = "folder" };
    private readonly Option<string> _captions = new("--captions") { Description = "Their captions", HelpName = "file" };
    private readonly Option<string> _device = Text("--device", "cpu", "cpu, cuda or cuda:1", "name");
    private readonly Option<string> _out = Text("--out", "query.png", "The contact sheet", "file");

    public QueryCommand()
    {
        Command = new Command("query", "Finds pictures for words, and pictures and captions for a picture, with trained towers.");
        Option[] options = [_model, _text, _image, _top, _images, _captions, _device, _out];
        foreach (var option in options)
            Command.Add(option);
    }

    public Command Command { get; }

    public QuerySettings Settings(ParseResult parsed)
    {
        var settings = new QuerySettings(
            Name(_model, parsed.GetRequiredValue(_model))!,
            parsed.GetValue(_text) ?? [],
            [.. (parsed.GetValue(_image) ?? []).Select(path => Name(_image, path)!)],
            (int)Whole(_top, parsed.GetRequiredValue(_top), 1, 1000),
            Name(_images, parsed.GetValue(_images)),
            Name(_captions, parsed.GetValue(_captions)),
            parsed.GetRequiredValue(_device),
            OutputFolder.OfFile(parsed.GetRequiredValue(_out)));
        if (settings.Texts.Count + settings.Pictures.Count == 0)
            throw new UserError("nothing to look for: give --text \"a red circle\" or --image picture.png");
        return settings.Captions is not null && settings.Images is null ? throw new UserError("--captions needs --images") : settings;
    }
}
