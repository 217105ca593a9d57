using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Samples.ImageSearch.Querying;
using SkiaSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Serving;

/// <summary>What the page shows of a picture.</summary>
/// <param name="Index">Its number, by which it is served.</param>
/// <param name="Name">What it is called.</param>
/// <param name="Score">The cosine of its features with the query's.</param>
/// <param name="Captions">What is said of it.</param>
internal sealed record FoundPicture(int Index, string Name, double Score, IReadOnlyList<string> Captions);

internal sealed record FoundCaption(string Caption, double Score);

/// <summary>The nearest pictures and, for a picture, the nearest captions too.</summary>
internal sealed record Answer(IReadOnlyList<FoundPicture> Pictures, IReadOnlyList<FoundCaption> Captions);

/// <summary>Answers one query at a time, whatever threads ask.</summary>
internal sealed class SearchDesk(SearchTowers towers, PictureCollection collection, Search search, int top, Device device)
{
    private const int LongestText = 1000;

    private readonly Lock _model = new();

    // A large picture takes long to decode; those who ask by words need not wait for it.
    private readonly Lock _decoder = new();

    public int Pictures => collection.Pictures.Count;

    public int Captions => search.Captions.Count;

    /// <exception cref="InvalidDataException">There is nothing to look for in the text.</exception>
    public Answer ByText(string text)
    {
        if (text.Length > LongestText)
            throw new InvalidDataException($"the text has {text.Length} characters, more than {LongestText}");
        if (CaptionHash.Words(text).Count == 0)
            throw new InvalidDataException($"the text \"{text}\" has no words");
        return Ask(() => towers.UnitTexts([text], device), captionsToo: false);
    }

    /// <exception cref="InvalidDataException">It is no picture that can be read.</exception>
    public Answer ByPicture(byte[] content)
    {
        byte[] pixels;
        try
        {
            lock (_decoder)
                pixels = PictureOrDrawing.Pixels(content, towers.Sizes.Side);
        }
        catch (InvalidDataException problem)
        {
            throw new InvalidDataException($"the picture {problem.Message}", problem);
        }

        return Ask(() => towers.UnitImages([pixels], device), captionsToo: true);
    }

    /// <summary>A picture as the page shows it.</summary>
    /// <returns>A png file, or null where there is no such number.</returns>
    public byte[]? Png(int index)
    {
        if (index < 0 || index >= Pictures)
            return null;
        lock (_decoder)
        {
            using var picture = Gallery.Show(collection.Pictures[index], collection.Side);
            using var png = picture.Encode(SKEncodedImageFormat.Png, 100);
            return png.ToArray();
        }
    }

    private Answer Ask(Func<Tensor> features, bool captionsToo)
    {
        lock (_model)
        {
            using var scope = NewDisposeScope();
            var query = features();
            return new Answer(
                [.. search.Pictures(query, top).Select(hit => new FoundPicture(hit.Row, collection.Pictures[hit.Row].Name, hit.Score, collection.Pictures[hit.Row].Captions))],
                captionsToo ? [.. search.Texts(query, top).Select(hit => new FoundCaption(search.Captions[hit.Row], hit.Score))] : []);
        }
    }
}
