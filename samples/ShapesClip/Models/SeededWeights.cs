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

    /// <summary>Linear layers and convolutions uniform within ±1/√(fan-in), embeddings normal; norms start as plain normalisation.</summary>
    public static void Draw(nn.Module module, Generator random)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var part in module.modules().Prepend(module))
        {
            switch (part)
            {
                case Linear linear:
                    Uniform(linear.weight!, linear.bias, linear.weight!.shape[1]);
                    break;
                case Conv2d convolution:
                    var shape = convolution.weight.shape;
                    Uniform(convolution.weight, convolution.bias, shape[1] * shape[2] * shape[3]);
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

        void Uniform(Tensor weight, Tensor? bias, long fanIn)
        {
            var bound = 1 / Math.Sqrt(fanIn);
            weight.uniform_(-bound, bound, random);
            bias?.uniform_(-bound, bound, random);
        }
    }
}
