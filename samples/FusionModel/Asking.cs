using Contrastive.Samples.FusionModel.Models;
using Contrastive.Training;
using SkiaSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.FusionModel;

/// <summary>The command <c>ask</c>: the probabilities of the answers, and where each word looks.</summary>
internal static class Asking
{
    private const int MostShown = 10;

    /// <exception cref="UserError">The model or the picture cannot be used.</exception>
    public static void Run(AskSettings settings, SampleConsole console)
    {
        var device = Devices.Of(settings.Device);
        using var net = SavedFusion.LoadTask(settings.Model, device);
        var sizes = net.Fusion.Sizes;
        var picture = Read(settings.Picture, sizes);
        using var constant = no_grad();
        using var scope = NewDisposeScope();
        var seen = new List<float[]>();
        var tokens = net.Fusion.Tokenizer.Encode([settings.Text], device);
        // (1, heads, L, P) to (L, P), without the class token of the picture.
        var states = net.States(Pixels.Of([picture], sizes.Side, sizes.Boxes, device), tokens, seen: weights => seen.Add(
            weights.mean([1]).squeeze(0).narrow(1, 1, weights.shape[3] - 1).contiguous().cpu().data<float>().ToArray()));
        var probabilities = net.Scores(states).softmax(1).squeeze(0).cpu().data<float>().ToArray();

        var table = new ResultsTable("answer", "probability");
        foreach (var (answer, probability) in net.Answers.Zip(probabilities).OrderByDescending(answer => answer.Second).Take(MostShown))
            table.Row(answer, ResultsTable.Cell(probability, "F3"));
        table.Write(console.Output);
        var words = tokens.squeeze(0).cpu().data<long>().ToArray().Select(id => sizes.Vocabulary[(int)id]).ToArray();
        SheetSection[] sections = [.. seen.Select((weights, box) => new SheetSection(
            sizes.Boxes > 1 ? $"{settings.Text} (box {box + 1})" : settings.Text,
            [.. words.Select((word, place) => new SheetPicture(Shaded(picture, box, sizes.Side, weights, place, words.Length), word, ""))]))];
        AtomicFile.Write(settings.Sheet, ContactSheet.Png(sections));
        foreach (var shown in sections.SelectMany(section => section.Pictures))
            shown.Picture.Dispose();
        console.Line($"where the words look: {settings.Sheet}");
    }

    private static byte[] Read(string path, FusionSizes sizes)
    {
        try
        {
            return PictureFile.Boxes(path, sizes.Side, sizes.Boxes);
        }
        catch (InvalidDataException problem)
        {
            throw new UserError($"--picture {path}: {problem.Message}", problem);
        }
    }

    /// <summary>A box, dark where a word does not look.</summary>
    private static SKBitmap Shaded(byte[] picture, int box, int side, float[] weights, int word, int words)
    {
        var patches = weights.Length / words;
        var patchesPerSide = (int)Math.Sqrt(patches);
        var own = weights.AsSpan(word * patches, patches).ToArray();
        var most = own.Max();
        var planes = picture.AsSpan(box * 3 * side * side, 3 * side * side).ToArray();
        var shaded = new SKBitmap(new SKImageInfo(ContactSheet.Side, ContactSheet.Side, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (var y = 0; y < ContactSheet.Side; y++)
        {
            for (var x = 0; x < ContactSheet.Side; x++)
            {
                var at = y * side / ContactSheet.Side * side + x * side / ContactSheet.Side;
                var light = 0.2f + 0.8f * own[y * patchesPerSide / ContactSheet.Side * patchesPerSide + x * patchesPerSide / ContactSheet.Side] / most;
                shaded.SetPixel(x, y, new SKColor(Level(0), Level(1), Level(2)));

                byte Level(int plane) => (byte)(light * planes[plane * side * side + at]);
            }
        }

        return shaded;
    }
}
