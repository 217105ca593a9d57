using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>
/// The random streams of a seed, one for each purpose and none shared with another seed. So all runs of a seed see the same
/// data, the same first weights and the same batches, whatever they draw themselves: their differences are paired.
/// </summary>
/// <param name="count">How many purposes there are.</param>
public sealed class RandomStreams(int count)
{
    /// <summary>The engine behind a generator keeps 32 bits of its seed: beyond this, streams would be those of other seeds.</summary>
    public long LargestSeed => (1L << 32) / count - 1;

    public Generator Of(long seed, int purpose, Device? device = null)
        => purpose >= 0 && purpose < count
            ? new Generator((ulong)(seed * count + purpose), device ?? CPU)
            : throw new ArgumentOutOfRangeException(nameof(purpose), purpose, $"there are {count} purposes");
}

/// <summary>What every run of two towers draws from; the run disposes of it.</summary>
/// <param name="Order">The batches' items.</param>
/// <param name="Loss">What the losses draw.</param>
public sealed record RunRandom(Generator Order, Generator Augmentation, Generator Loss) : IDisposable
{
    public void Dispose()
    {
        Order.Dispose();
        Augmentation.Dispose();
        Loss.Dispose();
    }
}
