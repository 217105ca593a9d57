using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// Sums over all pairs of differences of similarities, two ways. With A = X - Y and B = X + Y,
/// ⟨a_j, b_k⟩ = (⟨x_j, x_k⟩ - ⟨y_j, y_k⟩) + (⟨x_j, y_k⟩ - ⟨x_k, y_j⟩): a symmetric part, how similarities within the two sets
/// differ, and an antisymmetric one, how similarities between them do. Both forms start from A, so that nothing cancels
/// where X and Y nearly agree. Where they differ and only their geometry agrees (Y a rotation or a reflection of X), the Gram
/// form is a difference of large sums: right to about 1e-7 of those in float32, and never below 0. What is asked for is computed, and
/// nothing else.
/// </summary>
internal sealed class GeometryEquation
{
    private readonly Tensor _x;
    private readonly Tensor _y;
    private readonly bool _grams;

    /// <summary>By the form that costs less: the Gram matrices need 3 N D² multiplications, the pairs N² D.</summary>
    /// <param name="x">(N, D).</param>
    /// <param name="y">(N, D).</param>
    public GeometryEquation(Tensor x, Tensor y)
        : this(x, y, grams: x.shape[0] > 3 * x.shape[1])
    {
    }

    private GeometryEquation(Tensor x, Tensor y, bool grams) => (_x, _y, _grams) = (x, y, grams);

    /// <summary>In O(N D²) time and O(D²) memory: Σ ⟨a_j, b_k⟩² = ⟨AᵀA, BᵀB⟩ and Σ ⟨a_j, b_k⟩⟨a_k, b_j⟩ = ⟨AᵀB, (AᵀB)ᵀ⟩.</summary>
    public static GeometryEquation FromGrams(Tensor x, Tensor y) => new(x, y, grams: true);

    /// <summary>From the N × N matrix of ⟨a_j, b_k⟩.</summary>
    public static GeometryEquation FromPairs(Tensor x, Tensor y) => new(x, y, grams: false);

    /// <summary>Σ_jk (⟨x_j, x_k⟩ - ⟨y_j, y_k⟩)², a scalar.</summary>
    public Tensor Within => _grams
        ? Squares.Plus(Mirrored).mul(Scalars.Half).clamp_min(Scalars.Zero)
        : Pairs.Plus(Pairs.t()).Square().SumAll().Times(0.25);

    /// <summary>Σ_jk (⟨x_j, y_k⟩ - ⟨x_k, y_j⟩)², a scalar.</summary>
    public Tensor Between => _grams
        ? Squares.sub(Mirrored).mul(Scalars.Half).clamp_min(Scalars.Zero)
        : Pairs.sub(Pairs.t()).Square().SumAll().Times(0.25);

    /// <summary>Within + Between, by the shorter way.</summary>
    public Tensor Sum => _grams ? Squares.clamp_min(Scalars.Zero) : Pairs.Square().SumAll();

    private Tensor A => field ??= _x.sub(_y);

    private Tensor B => field ??= _x.Plus(_y);

    /// <summary>⟨AᵀA, BᵀB⟩.</summary>
    private Tensor Squares => field ??= A.t().matmul(A).mul(B.t().matmul(B)).SumAll();

    /// <summary>⟨AᵀB, (AᵀB)ᵀ⟩.</summary>
    private Tensor Mirrored
    {
        get
        {
            if (field is not null) return field;
            var mixed = A.t().matmul(B);
            return field = mixed.mul(mixed.t()).SumAll();
        }
    }

    /// <summary>⟨a_j, b_k⟩, (N, N).</summary>
    private Tensor Pairs => field ??= A.matmul(B.t());
}
