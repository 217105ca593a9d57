using System.Globalization;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Querying;

/// <summary>Answers queries with a saved model: a table for each on the console, and one contact sheet.</summary>
internal static class QueryProgram
{
    public static void Run(QuerySettings settings, SampleConsole console)
    {
        using var scope = NewDisposeScope();
        var device = Devices.Of(settings.Gallery.Device);
        using var model = SavedModel.Load(settings.Gallery.Model, device);
        var towers = model.Towers;
        // Everything that can be wrong with the queries is known before the pictures are read.
        foreach (var text in settings.Texts)
        {
            if (CaptionHash.Words(text).Count == 0)
                throw new UserError($"--text \"{text}\": has no words");
        }

        var asked = settings.Pictures.Select(path => ReadPicture(path, towers.Sizes.Side)).ToArray();
        var collection = Gallery.Read(settings.Gallery, model.Description, console);
        using var search = new Search(model, collection, settings.Gallery.ExactUpTo, device, console);
        var sections = new List<SheetSection>();
        try
        {
            foreach (var text in settings.Texts)
                sections.Add(Pictures($"\"{text}\"", towers.UnitTexts([text], device), []));
            foreach (var (path, pixels) in settings.Pictures.Zip(asked))
            {
                var query = towers.UnitImages([pixels], device);
                sections.Add(Pictures($"like {path}", query, [new SheetPicture(PictureOrDrawing.Read(path, ContactSheet.Side), "query", Path.GetFileName(path))]));
                Captions(path, query);
            }

            AtomicFile.Write(settings.Sheet, ContactSheet.Png(sections));
            console.Line();
            console.Line($"written: {settings.Sheet}");
        }
        finally
        {
            foreach (var picture in sections.SelectMany(section => section.Pictures))
                picture.Picture.Dispose();
        }

        SheetSection Pictures(string title, Tensor query, IReadOnlyList<SheetPicture> first)
        {
            console.Line();
            console.Line($"{title}: the nearest of {collection.Pictures.Count} pictures");
            var table = new ResultsTable("picture", "rank", "score", "caption");
            var shown = new List<SheetPicture>(first);
            foreach (var (place, hit) in search.Pictures(query, settings.Gallery.Top).Index())
            {
                var picture = collection.Pictures[hit.Row];
                var caption = picture.Captions is [var said, ..] ? said : "";
                table.Row(picture.Name, $"{place + 1}", Score(hit), caption);
                shown.Add(new SheetPicture(Gallery.Show(picture, collection.Side), $"{place + 1}. {Score(hit)}", caption.Length > 0 ? caption : picture.Name));
            }

            table.Write(console.Output);
            return new SheetSection(title, shown);
        }

        void Captions(string path, Tensor query)
        {
            if (search.Captions.Count == 0)
                return;
            console.Line();
            console.Line($"like {path}: the nearest of {search.Captions.Count} captions");
            var table = new ResultsTable("caption", "rank", "score");
            foreach (var (place, hit) in search.Texts(query, settings.Gallery.Top).Index())
                table.Row(search.Captions[hit.Row], $"{place + 1}", Score(hit));
            table.Write(console.Output);
        }
    }

    private static byte[] ReadPicture(string path, int side)
    {
        try
        {
            return PictureOrDrawing.Pixels(File.ReadAllBytes(path), side);
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UserError($"--image {path}: {(File.Exists(path) ? problem.Message : "there is no such file")}", problem);
        }
    }

    private static string Score(Hit hit) => hit.Score.ToString("F3", CultureInfo.InvariantCulture);
}
