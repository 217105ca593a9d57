using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Models;

/// <summary>
/// Draws a module's weights anew from a generator. The modules' own constructors draw from the global one, which runs side
/// by side would share.
/// </summary>
internal static class SeededWeights
{
    private const double EmbeddingDeviation = 0.1;

    // The square of the gain: a ReLU halves the second moment, the linear layers here keep it.
    private const double Rectified = 2;
    private const double Plain = 1;

    /// <summary>
    /// Linear layers and convolutions uniform with variance gain² / fan-in (He et al., ICCV 2015), without offsets;
    /// embeddings normal; norms start as plain normalisation. With the modules' own smaller weights and random offsets all
    /// inputs start with almost the same features, and a contrastive loss can stay there.
    /// </summary>
    public static void Draw(nn.Module module, Generator random)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var part in module.modules().Prepend(module))
        {
            switch (part)
            {
                case Linear linear:
                    Uniform(linear.weight!, linear.bias, Plain / linear.weight!.shape[1]);
                    break;
                case Conv2d convolution:
                    var shape = convolution.weight.shape;
                    Uniform(convolution.weight, convolution.bias, Rectified / (shape[1] * shape[2] * shape[3]));
                    break;
                case Embedding embedding:
                    embedding.weight!.normal_(0, EmbeddingDeviation, random);
                    break;
                case GroupNorm norm:
                    // TorchSharp 0.107 leaves these as the memory happens to be.
                    nn.init.ones_(norm.weight!);
                    nn.init.zeros_(norm.bias!);
                    break;
            }
        }

        void Uniform(Tensor weight, Tensor? bias, double variance)
        {
            var bound = Math.Sqrt(3 * variance);
            weight.uniform_(-bound, bound, random);
            if (bias is not null)
                nn.init.zeros_(bias);
        }
    }
}
