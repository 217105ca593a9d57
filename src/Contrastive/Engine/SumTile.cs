using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The pairs of a tile by the sum they enter: positives have a linear term; known pairs stand for themselves, sampled ones for
/// others of the population as well. Bool masks of the tile's shape.
/// </summary>
internal readonly record struct SumTile(Tensor Positive, Tensor Known, Tensor Sampled)
{
    public static SumTile Of(PairMap pairs, PositiveSampling sampling, Device device)
    {
        var (positive, negative) = pairs.Tile(device);
        if (sampling == PositiveSampling.Complete) return new SumTile(positive, positive, negative);

        var known = positive.logical_and(pairs.OwnPairs(device));
        return new SumTile(positive, known, positive.logical_or(negative).logical_and(known.logical_not()));
    }
}
