using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The pairs of a block as the augmented loss sees them: positives have a linear term; known pairs enter Ẑ_i with weight 1,
/// sampled ones with the weight of those they stand for. Bool masks (m, n).
/// </summary>
internal readonly record struct GammaTile(Tensor Positive, Tensor Known, Tensor Sampled)
{
    public static GammaTile Of(PairMap pairs, PositiveSampling sampling, Device device)
    {
        var (positive, negative) = pairs.Tile(device);
        if (sampling == PositiveSampling.Complete) return new GammaTile(positive, positive, negative);

        var known = positive.logical_and(pairs.OwnPairs(device));
        return new GammaTile(positive, known, positive.logical_or(negative).logical_and(known.logical_not()));
    }
}
