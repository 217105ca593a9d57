using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>A term added to each similarity: (M), one per candidate, or (N, M), one per pair. No gradient is taken through it.</summary>
/// <param name="Values">As given.</param>
/// <param name="IsSymmetric">Whether (N) values of a set compared with itself are added for the anchor as well: b_i + b_j.</param>
/// <param name="Transposed">Whether anchors and candidates have changed places since.</param>
internal sealed record LogitBias(Tensor Values, bool IsSymmetric = false, bool Transposed = false)
{
    public LogitBias Transpose() => this with { Transposed = !Transposed };

    /// <summary>Adds the terms of a block, in the coordinates of the whole, to its logits, in place.</summary>
    public void AddTo(Tensor logits, PairBlock block)
    {
        var stored = Transposed ? block.Transpose() : block;
        var values = Values.detach();
        var part = values.dim() == 1
            ? stored.CandidatesOf(values).unsqueeze(0)
            : stored.AnchorsOf(values).narrow(1, stored.FirstCandidate, stored.Candidates);
        part = part.to(logits.dtype);
        logits.add_(Transposed ? part.t() : part, Scalars.One);
        if (IsSymmetric) logits.add_(block.AnchorsOf(values).unsqueeze(1).to(logits.dtype), Scalars.One);
    }

    /// <summary>The largest number that it adds or takes away.</summary>
    public double Bound()
    {
        using var scope = NewDisposeScope();
        // Of both ends, since a matrix of sizes would be as large as all pairs.
        var (low, high) = (Number(Values.detach().min()), Number(Values.detach().max()));
        var largest = double.IsNaN(low) || double.IsNaN(high) ? double.NaN : Math.Max(Math.Abs(low), Math.Abs(high));
        return IsSymmetric ? 2 * largest : largest;

        static double Number(Tensor value) => value.to(ScalarType.Float64).item<double>();
    }
}
