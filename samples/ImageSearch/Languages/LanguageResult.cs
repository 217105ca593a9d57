using System.Globalization;
using System.Text.Json.Serialization;

namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>How often what is right is among the first, the first five and the first ten.</summary>
internal sealed record RecallFigures(double RecallAt1, double RecallAt5, double RecallAt10)
{
    public static RecallFigures Mean(IEnumerable<RecallFigures> figures)
    {
        var all = figures.ToArray();
        return new RecallFigures(all.Average(one => one.RecallAt1), all.Average(one => one.RecallAt5), all.Average(one => one.RecallAt10));
    }
}

/// <summary>Held-out items' pictures and their names in one language.</summary>
internal sealed record LanguageFigures(string Language, RecallFigures TextToPicture, RecallFigures PictureToText)
{
    /// <summary>Of both directions.</summary>
    [JsonIgnore]
    public double RecallAt1 => (TextToPicture.RecallAt1 + PictureToText.RecallAt1) / 2;
}

/// <summary>A held-out item's name in one language finds its names in another.</summary>
/// <param name="Mean">Over ordered pairs of languages.</param>
/// <param name="RecallAt1">From each language (row) to each (column); NaN to itself.</param>
internal sealed record NameFigures(RecallFigures Mean, IReadOnlyList<IReadOnlyList<double>> RecallAt1);

/// <summary>The figures of a finished run.</summary>
internal sealed record LanguageResult
{
    public required IReadOnlyList<LanguageFigures> Languages { get; init; }

    /// <summary>Null of a pair of one language.</summary>
    public required NameFigures? Names { get; init; }

    /// <summary>The same before training: what the spelling alone gives.</summary>
    public required NameFigures? UntrainedNames { get; init; }

    /// <summary>A picture of a held-out item finds another one of it among all others; null where no item has two.</summary>
    public required RecallFigures? Pictures { get; init; }

    /// <summary>Of training alone.</summary>
    public required double Seconds { get; init; }

    [JsonIgnore]
    public RecallFigures TextToPicture => RecallFigures.Mean(Languages.Select(one => one.TextToPicture));

    [JsonIgnore]
    public RecallFigures PictureToText => RecallFigures.Mean(Languages.Select(one => one.PictureToText));

    [JsonIgnore]
    public string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"recall@1 {Languages.Average(one => one.RecallAt1):F3}{(Names is null ? "" : $", names {Names.Mean.RecallAt1:F3}")}, {Seconds:F0} s");
}
