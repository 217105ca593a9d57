using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

/// <summary>All the features that a loss can ask for, as leaves.</summary>
internal sealed class Case
{
    public Case(int seed, int n, int width, bool unit = false)
    {
        Tensor Leaf(int offset)
        {
            var x = Draw.Normal(seed + offset, n, width);
            return (unit ? nn.functional.normalize(x, dim: 1) : x).requires_grad_();
        }
        (V, T, Va, Ta) = (Leaf(0), Leaf(1), Leaf(2), Leaf(3));
        (Vi, Ti, Via, Tia) = (Leaf(4), Leaf(5), Leaf(6), Leaf(7));
    }

    public Tensor V { get; }

    public Tensor T { get; }

    public Tensor Va { get; }

    public Tensor Ta { get; }

    public Tensor Vi { get; }

    public Tensor Ti { get; }

    public Tensor Via { get; }

    public Tensor Tia { get; }

    public ModalityFeatures First => new(V, Va, Vi, Via);

    public ModalityFeatures Second => new(T, Ta, Ti, Tia);

    public static Tensor Unit(Tensor x) => nn.functional.normalize(x, dim: 1);

    /// <summary>Features through a map of the space or an order of the batch.</summary>
    public static ModalityFeatures Map(ModalityFeatures x, Func<Tensor, Tensor> map)
        => new(map(x.Shared), map(x.Augmented!), map(x.Independent!), map(x.IndependentAugmented!));

    /// <summary>A random rotation.</summary>
    public static Tensor Rotation(int seed, int width) => linalg.qr(Draw.Normal(seed, width, width)).Q;
}
