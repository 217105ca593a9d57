using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Training;

/// <summary>The random streams of a run by their purpose. The numbers decide every figure: they stay.</summary>
internal static class Streams
{
    private static readonly RandomStreams All = new(4);

    public static long LargestSeed => All.LargestSeed;

    public static Generator Weights(long seed) => All.Of(seed, 0);

    public static Generator Order(long seed) => All.Of(seed, 1);

    public static Generator Loss(long seed) => All.Of(seed, 2);

    public static Generator Probes(long seed) => All.Of(seed, 3);

    /// <summary>Pictures, captions and shifts.</summary>
    public static Random Visits(long seed) => new((int)seed);

    /// <summary>The other views of the same items. Beyond all seeds, so that it is no stream of another one's visits.</summary>
    public static Random OtherViews(long seed) => new(int.MaxValue - (int)seed);
}
