using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>What every run of two towers draws from; the run disposes of it.</summary>
/// <param name="Order">The batches' items.</param>
/// <param name="Augmentation">Augmentations.</param>
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
