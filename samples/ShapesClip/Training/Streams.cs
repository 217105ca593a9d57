using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>The random streams of a run by their purpose. The numbers decide every figure: they stay.</summary>
internal static class Streams
{
    private static readonly RandomStreams All = new(7);

    public static long LargestSeed => All.LargestSeed;

    public static Generator Weights(long seed) => All.Of(seed, 0);

    public static Generator IndependentWeights(long seed) => All.Of(seed, 1);

    /// <summary>Mirrors and synonyms, which every run has.</summary>
    public static Generator Views(long seed, Device device) => All.Of(seed, 3, device);

    public static Generator Augmentation(long seed, Device device) => All.Of(seed, 4, device);

    public static Generator Loss(long seed, Device device) => All.Of(seed, 5, device);

    public static RunRandom OfRun(long seed, Device device) => new(All.Of(seed, 2), Augmentation(seed, device), Loss(seed, device));

    public static Generator Probes(long seed) => All.Of(seed, 6);
}
