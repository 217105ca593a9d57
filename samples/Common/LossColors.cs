namespace Contrastive.Samples;

/// <summary>One colour for each loss, in all figures; one for each structure that is added to it.</summary>
public static class LossColors
{
    public const string InfoNCE = "#d95f02";
    public const string GammaMean = "#56b4e9";

    private static readonly Dictionary<string, string> OfLosses = new()
    {
        ["infonce"] = InfoNCE,
        ["gamma"] = "#1b6ca8",
        ["gamma-mean"] = GammaMean,
        ["dcl"] = "#8e44ad",
        ["siglip"] = "#2e8b57",
    };

    private static readonly Dictionary<string, string> OfStructures = new()
    {
        [Structures.FourPart] = "#984ea3",
        [Structures.Cyclip] = "#4daf4a",
        [Structures.Separation] = "#e7298a",
        [Structures.TwoHeads] = "#a65628",
        [Structures.Bridge] = "#1b9e77",
        [Structures.Consistency] = "#b8a000",
        [Structures.All] = "#222222",
    };

    /// <summary>The curve of a loss by itself; the palette's next colour for one that has none.</summary>
    public static CurveStyle Of(string loss) => new(OfLosses.GetValueOrDefault(loss));

    /// <summary>
    /// With a structure its colour, dashed where the loss is another than InfoNCE: so that a figure shows both, the losses of a structure and
    /// the structures of a loss.
    /// </summary>
    public static CurveStyle Of(string loss, string structure)
        => structure == Structures.None ? Of(loss) : new(OfStructures.GetValueOrDefault(structure), Dashed: loss != Losses.Baseline);

    /// <summary>With a memory dashed.</summary>
    public static CurveStyle Of(string loss, int memory) => Of(loss) with { Dashed = memory > 0 };
}
