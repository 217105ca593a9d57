using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>Products of flat float64 vectors.</summary>
internal static class Vectors
{
    public static double Dot(Tensor left, Tensor right)
    {
        using var product = left.dot(right);
        return product.item<double>();
    }

    public static double Dot(Tensor[] left, Tensor[] right) => left.Zip(right, Dot).Sum();
}
