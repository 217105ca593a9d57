using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>
/// The random streams of a run, one for each purpose. So all losses of a seed see the same data, the same first weights, the
/// same batches and the same mirrored pairs, whatever they draw themselves: their differences are paired.
/// </summary>
internal static class Streams
{
    /// <summary>The engine behind a generator keeps 32 bits of its seed.</summary>
    public const long LargestSeed = uint.MaxValue / Count;

    private const int Count = 7;

    public static Generator Weights(long seed) => Of(seed, 0, CPU);

    public static Generator IndependentWeights(long seed) => Of(seed, 1, CPU);

    public static Generator Order(long seed) => Of(seed, 2, CPU);

    /// <summary>Mirrors and synonyms, which every run has.</summary>
    public static Generator Views(long seed, Device device) => Of(seed, 3, device);

    public static Generator Augmentation(long seed, Device device) => Of(seed, 4, device);

    public static Generator Loss(long seed, Device device) => Of(seed, 5, device);

    public static Generator Probes(long seed) => Of(seed, 6, CPU);

    private static Generator Of(long seed, int purpose, Device device) => new((ulong)(seed * Count + purpose), device);
}
