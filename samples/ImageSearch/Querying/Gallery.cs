using System.CommandLine;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Languages;
using Contrastive.Samples.ImageSearch.Models;
using SkiaSharp;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.ImageSearch.Querying;

/// <summary>Which pictures are searched, with which model.</summary>
/// <param name="Model">The model's folder.</param>
/// <param name="Top">How many answers each query has.</param>
/// <param name="Images">The pictures to search; null for those the model was trained on.</param>
/// <param name="Captions">Their captions.</param>
/// <param name="ExactUpTo">Of more pictures or captions than this there is an index.</param>
/// <param name="Device">Where the towers run.</param>
internal sealed record GallerySettings(string Model, int Top, string? Images, string? Captions, int ExactUpTo, string Device);

/// <summary>The options for them, of every command that searches.</summary>
internal sealed class GalleryOptions
{
    private readonly Option<string> _model = Text("--model", "out/image-search", "A folder with model.json, or an experiment's with one trained run", "folder");
    private readonly Option<string> _top = Text("--top", "12", "How many answers each query has", "n");
    private readonly Option<string> _images = new("--images") { Description = "Search the pictures of this folder; without it those the model was trained on", HelpName = "folder" };
    private readonly Option<string> _captions = new("--captions") { Description = "Their captions", HelpName = "file" };
    private readonly Option<string> _exactUpTo = Text("--exact-up-to", "50000", "How many pictures or captions are all compared with a query; of more an index is made, which finds nearly all of the nearest", "n");
    private readonly Option<string> _device = Text("--device", "cpu", "cpu, cuda or cuda:1", "name");

    public IReadOnlyList<Option> All => [_model, _top, _images, _captions, _exactUpTo, _device];

    public GallerySettings Settings(ParseResult parsed)
    {
        var settings = new GallerySettings(
            Name(_model, parsed.GetRequiredValue(_model))!,
            (int)Whole(_top, parsed.GetRequiredValue(_top), 1, 1000),
            Name(_images, parsed.GetValue(_images)),
            Name(_captions, parsed.GetValue(_captions)),
            (int)Whole(_exactUpTo, parsed.GetRequiredValue(_exactUpTo), 0, int.MaxValue),
            parsed.GetRequiredValue(_device));
        return settings.Captions is not null && settings.Images is null ? throw new UserError("--captions needs --images") : settings;
    }
}

/// <summary>The pictures that are searched, and how people see them.</summary>
internal static class Gallery
{
    /// <summary>Those of the folder that is asked for, or those that the model was trained on.</summary>
    public static PictureCollection Read(GallerySettings settings, ModelDescription model, SampleConsole console)
    {
        var side = model.Towers.Side;
        if (settings.Images is { } folder)
            return PictureCollection.OfFolder(new PictureSource(folder, settings.Captions, null, null), side, console);
        if (model.Source is not { } source)
        {
            return model.Languages is { } drawn
                ? NamedPictures.Draw(model.Drawn, side, model.DrawnSeed).With(drawn)
                : DrawnPictures.Draw(model.Drawn, side, model.DrawnSeed);
        }

        if (!Directory.Exists(source.Images))
            throw new UserError($"--images: the model was trained on the pictures in {source.Images}, which is not there: name a folder to search");
        if (model.Languages is { } languages && File.Exists(source.Items) && File.Exists(source.Names))
            return NamedPictures.Read(source, side, console).With(languages);
        // Those trained on are those the captions file names; a folder may have more, last time's contact sheet among them.
        return File.Exists(source.Captions)
            ? PictureCollection.OfCaptions(source with { Labels = null, Items = null }, side, console)
            : PictureCollection.OfFolder(new PictureSource(source.Images, null, null, null), side, console);
    }

    /// <summary>A picture as large as a contact sheet has it; as the towers see it where its file can no longer be read.</summary>
    public static SKBitmap Show(Picture picture, int side)
    {
        try
        {
            if (picture.Path is { } path)
                return PictureOrDrawing.Read(path, ContactSheet.Side);
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            // Moved or changed since it was read.
        }

        using var small = SquarePicture.FromPlanes(picture.Pixels, side);
        return SquarePicture.Of(small, ContactSheet.Side);
    }
}
