using Contrastive.Samples.ImageSearch.Data;

namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>Pictures of things that have names in several languages.</summary>
/// <param name="Tagged">The pictures; their captions are <c>language&lt;TAB&gt;name</c>, so that a word of two languages is not one.</param>
internal sealed record NamedPictures(PictureCollection Tagged)
{
    /// <summary>Of the names, in order.</summary>
    public IReadOnlyList<string> Languages { get; } =
        [.. Tagged.Pictures.SelectMany(picture => picture.Captions).Select(caption => Split(caption).Language).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The pictures that an items file names, with the names that a names file has for their items.</summary>
    /// <exception cref="UserError">None can be used, or a file or the folder cannot be read.</exception>
    public static NamedPictures Read(PictureSource source, int side, SampleConsole console)
    {
        var skipped = new List<Skipped>();
        var names = NameTable.Read(source.Names!, skipped);
        return new NamedPictures(PictureCollection.OfItems(
            source with { Captions = null, Labels = null }, item => [.. names.Of(item).Select(name => $"{name.Language}\t{name.Text}")], side, skipped, console));
    }

    /// <summary>Drawn ones with names in some languages, two pictures each.</summary>
    /// <param name="items">How many.</param>
    /// <param name="side">Pixels a side.</param>
    /// <param name="seed">The same seed, the same pictures.</param>
    public static NamedPictures Draw(int items, int side, long seed)
    {
        var drawn = DrawnPictures.Draw(items, side, seed);
        return new NamedPictures(drawn with
        {
            Pictures = [.. drawn.Pictures.Select(picture => picture with
            {
                Captions = [.. DrawnNames.Of(int.Parse(picture.Item!, System.Globalization.CultureInfo.InvariantCulture)).Select(name => $"{name.Language}\t{name.Text}")],
            })],
        });
    }

    /// <summary>What two items share in no language: pictures that are equal or of one item, and those that one language calls the same.</summary>
    /// <returns>The pictures of each item.</returns>
    public IReadOnlyList<int[]> Items() => Data.Items.Of(Tagged.Pictures);

    /// <summary>The pictures with their names in some of the languages as captions.</summary>
    public PictureCollection With(IReadOnlyCollection<string> languages) => Tagged with
    {
        Pictures = [.. Tagged.Pictures.Select(picture => picture with
        {
            Captions = [.. picture.Captions.Select(Split).Where(name => languages.Contains(name.Language)).Select(name => name.Text).Distinct()],
        })],
    };

    /// <summary>The names of an item in a language, each once.</summary>
    /// <param name="pictures">The item's.</param>
    /// <param name="language">Which.</param>
    public string[] Names(IEnumerable<int> pictures, string language)
        => [.. pictures.SelectMany(picture => Tagged.Pictures[picture].Captions).Select(Split).Where(name => name.Language == language).Select(name => name.Text).Distinct()];

    private static (string Language, string Text) Split(string caption) => caption.Split('\t') is var parts ? (parts[0], parts[1]) : default;
}
