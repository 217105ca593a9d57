using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Training;

/// <summary>
/// The random streams of a run, one for each purpose. So all losses of a seed see the same split, the same first weights
/// and the same batches, whatever they draw themselves: their differences are paired.
/// </summary>
internal static class Streams
{
    /// <summary>The engine behind a generator keeps 32 bits of its seed.</summary>
    public const long LargestSeed = uint.MaxValue / Count;

    private const int Count = 4;

    public static Generator Split(long seed) => Of(seed, 0, CPU);

    public static Generator Weights(long seed) => Of(seed, 1, CPU);

    public static Generator Order(long seed) => Of(seed, 2, CPU);

    public static Generator Loss(long seed, Device device) => Of(seed, 3, device);

    private static Generator Of(long seed, int purpose, Device device) => new((ulong)(seed * Count + purpose), device);
}
