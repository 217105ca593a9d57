using System.CommandLine;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.ShapesClip.Querying;

/// <summary>What to look for, where, with which model.</summary>
/// <param name="Model">The model's folder.</param>
/// <param name="Texts">Each a query.</param>
/// <param name="Images">Picture files, each a query.</param>
/// <param name="Top">How many answers each query has.</param>
/// <param name="ImageDir">The gallery; null for the folder the model was trained on, or drawn shapes.</param>
/// <param name="Captions">The gallery's captions.</param>
/// <param name="Drawn">How many shapes are drawn.</param>
/// <param name="Seed">What draws them.</param>
/// <param name="Device">Where the towers run.</param>
/// <param name="Sheet">The contact sheet's file.</param>
internal sealed record QuerySettings(
    string Model,
    IReadOnlyList<string> Texts,
    IReadOnlyList<string> Images,
    int Top,
    string? ImageDir,
    string? Captions,
    int Drawn,
    int Seed,
    string Device,
    string Sheet);

/// <summary>The command <c>query</c> and its options.</summary>
internal sealed class QueryCommand
{
    private readonly Option<string> _model = Text("--model", "out/shapes-clip", "A folder with model.json, or an experiment's with one trained run", "folder");
    private readonly Option<string[]> _text = new("--text") { Description = "What to look for; may be given several times", HelpName = "words" };
    private readonly Option<string[]> _image = new("--image") { Description = "A picture to find pictures and captions like it; may be given several times", HelpName = "file" };
    private readonly Option<string> _top = Text("--top", "12", "How many answers each query has", "n");
    private readonly Option<string> _imageDir = new("--image-dir") { Description = "Search the pictures of this folder; without it the folder the model was trained on, or freshly drawn shapes", HelpName = "folder" };
    private readonly Option<string> _captions = new("--captions") { Description = "Their captions; without it captions.tsv in that folder, if there is one", HelpName = "file" };
    private readonly Option<string> _drawn = Text("--drawn", "1000", "How many shapes are drawn to be searched", "n");
    private readonly Option<string> _seed = Text("--seed", "12345", "What draws them", "n");
    private readonly Option<string> _device = Text("--device", "cpu", "cpu, cuda or cuda:1", "name");
    private readonly Option<string> _out = Text("--out", "query.png", "The contact sheet", "file");

    public QueryCommand()
    {
        Command = new Command("query", "Finds pictures for words, and pictures and captions for a picture, with trained towers.");
        Option[] options = [_model, _text, _image, _top, _imageDir, _captions, _drawn, _seed, _device, _out];
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
            Name(_imageDir, parsed.GetValue(_imageDir)),
            Name(_captions, parsed.GetValue(_captions)),
            (int)Whole(_drawn, parsed.GetRequiredValue(_drawn), 1, 1_000_000),
            (int)Whole(_seed, parsed.GetRequiredValue(_seed), 0, int.MaxValue),
            parsed.GetRequiredValue(_device),
            OutputFolder.OfFile(parsed.GetRequiredValue(_out)));
        if (settings.Texts.Count + settings.Images.Count == 0)
            throw new UserError("nothing to look for: give --text \"a red circle\" or --image picture.png");
        if (settings.Captions is not null && settings.ImageDir is null)
            throw new UserError("--captions needs --image-dir");
        return settings;
    }
}
