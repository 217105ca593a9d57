using System.Globalization;
using Contrastive.Samples.ShapesClip.Models;
using Contrastive.Samples.ShapesClip.Reporting;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Querying;

/// <summary>Answers queries with a saved model: a table for each on the console, and one contact sheet.</summary>
internal static class QueryProgram
{
    public static void Run(QuerySettings settings, SampleConsole console)
    {
        using var scope = NewDisposeScope();
        var device = Devices.Of(settings.Device);
        using var model = SavedModel.Load(settings.Model, device);
        var towers = model.Towers;
        // Everything that can be wrong with the queries is known before the gallery is read.
        foreach (var text in settings.Texts)
            CheckWords(text, towers.Tokenizer, console);
        var pictures = settings.Images.Select(path => ReadPicture(path, model.Description.Picture.Side)).ToArray();

        using var gallery = Gallery.For(settings, model.Description, device, console);
        using var search = new Search(towers, gallery);
        var sections = new List<SheetSection>();
        try
        {
            foreach (var text in settings.Texts)
            {
                var query = Features.Of(towers.Text, towers.Tokenizer.Encode([text], device));
                sections.Add(Pictures($"\"{text}\"", query, []));
            }

            foreach (var (path, pixels) in settings.Images.Zip(pictures))
            {
                var query = Features.Of(towers.Image, tensor(pixels, [1, 3, model.Description.Picture.Side, model.Description.Picture.Side], device: device), TowerPair.Prepare).Shared;
                sections.Add(Pictures($"like {path}", query, [new SheetPicture(PictureFile.Read(path, ContactSheet.Side), "query", Path.GetFileName(path))]));
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
            console.Line($"{title}: the nearest of {gallery.Count} pictures");
            var table = new ResultsTable("picture", "rank", "score", "caption");
            var shown = new List<SheetPicture>(first);
            foreach (var (place, hit) in search.Pictures(query, settings.Top).Index())
            {
                var caption = gallery.Captions[hit.Item] is [var said, ..] ? said : "";
                table.Row(gallery.Names[hit.Item], $"{place + 1}", Score(hit), caption);
                shown.Add(new SheetPicture(gallery.Show(hit.Item, ContactSheet.Side), $"{place + 1}. {Score(hit)}", caption.Length > 0 ? caption : gallery.Names[hit.Item]));
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
            foreach (var (place, hit) in search.Texts(query, settings.Top).Index())
                table.Row(search.Captions[hit.Item], $"{place + 1}", Score(hit));
            table.Write(console.Output);
        }
    }

    private static void CheckWords(string text, CaptionTokenizer tokenizer, SampleConsole console)
    {
        string[] words = [.. tokenizer.Words(text).Where(word => word.Any(char.IsLetterOrDigit)).Distinct()];
        string[] unknown = [.. words.Where(word => !tokenizer.Knows(word))];
        if (unknown.Length == words.Length)
            throw new UserError($"--text \"{text}\": {(words.Length == 0 ? "has no words" : "training had none of its words")}");
        if (unknown.Length > 0)
            console.Line($"warning: \"{text}\": training had no {string.Join(", ", unknown.Select(word => $"'{word}'"))}, which {(unknown.Length == 1 ? "is" : "are")} spelled and may mean nothing");
    }

    private static byte[] ReadPicture(string path, int side)
    {
        try
        {
            using var square = PictureFile.Read(path, side);
            var pixels = new byte[3 * side * side];
            PictureFile.Planes(square, pixels);
            return pixels;
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UserError($"--image {path}: {(File.Exists(path) ? problem.Message : "there is no such file")}", problem);
        }
    }

    private static string Score(Hit hit) => hit.Score.ToString("F3", CultureInfo.InvariantCulture);
}
