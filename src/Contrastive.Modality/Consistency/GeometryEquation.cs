using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// Sums over all pairs of differences of similarities, two ways. With A = X - Y and B = X + Y,
/// ⟨a_j, b_k⟩ = (⟨x_j, x_k⟩ - ⟨y_j, y_k⟩) + (⟨x_j, y_k⟩ - ⟨x_k, y_j⟩): a symmetric part, how similarities within the two sets
/// differ, and an antisymmetric one, how similarities between them do. Both forms start from A, so that nothing cancels
/// where X and Y nearly agree. Where they differ and only their geometry agrees (Y a rotation or a reflection of X), the Gram
/// form is a difference of large sums: right to about 1e-7 of those in float32, and never below 0.
/// </summary>
/// <param name="Within">Σ_jk (⟨x_j, x_k⟩ - ⟨y_j, y_k⟩)², a scalar.</param>
/// <param name="Between">Σ_jk (⟨x_j, y_k⟩ - ⟨x_k, y_j⟩)², a scalar.</param>
/// <param name="Sum">Within + Between, by the shorter way.</param>
internal readonly record struct GeometryEquation(Tensor Within, Tensor Between, Tensor Sum)
{
    /// <summary>By the form that costs less: the Gram matrices need 3 N D² multiplications, the pairs N² D.</summary>
    public static GeometryEquation Of(Tensor x, Tensor y)
        => x.shape[0] > 3 * x.shape[1] ? FromGrams(x, y) : FromPairs(x, y);

    /// <summary>In O(N D²) time and O(D²) memory: Σ ⟨a_j, b_k⟩² = ⟨AᵀA, BᵀB⟩ and Σ ⟨a_j, b_k⟩⟨a_k, b_j⟩ = ⟨AᵀB, (AᵀB)ᵀ⟩.</summary>
    public static GeometryEquation FromGrams(Tensor x, Tensor y)
    {
        var (a, b) = (x.sub(y), x.Plus(y));
        var squares = a.t().matmul(a).mul(b.t().matmul(b)).SumAll();
        var mixed = a.t().matmul(b);
        var products = mixed.mul(mixed.t()).SumAll();
        return new GeometryEquation(
            squares.Plus(products).mul(Scalars.Half).clamp_min(Scalars.Zero),
            squares.sub(products).mul(Scalars.Half).clamp_min(Scalars.Zero),
            squares.clamp_min(Scalars.Zero));
    }

    /// <summary>From the N × N matrix of ⟨a_j, b_k⟩.</summary>
    public static GeometryEquation FromPairs(Tensor x, Tensor y)
    {
        var products = x.sub(y).matmul(x.Plus(y).t());
        var (symmetric, antisymmetric) = (products.Plus(products.t()), products.sub(products.t()));
        return new GeometryEquation(
            symmetric.Square().SumAll().Times(0.25),
            antisymmetric.Square().SumAll().Times(0.25),
            products.Square().SumAll());
    }
}
