using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Target probabilities, in the coordinates of the whole.</summary>
/// <param name="Anchors">(N, M), a row for each anchor.</param>
/// <param name="Candidates">(M, N), a row for each candidate as an anchor; null for the columns of the others.</param>
/// <param name="Transposed">Whether anchors and candidates have changed places since.</param>
internal sealed record SoftTargets(Tensor Anchors, Tensor? Candidates, bool Transposed = false)
{
    public SoftTargets Transpose() => this with { Transposed = !Transposed };

    /// <summary>Whether the rows of a direction (1 of the anchors, 0 of the candidates) are the other's columns.</summary>
    public bool AreColumns(int dimension) => Candidates is null && !IsGiven(dimension);

    /// <summary>Those of a direction in a block, (block.Anchors, block.Candidates).</summary>
    public Tensor Of(PairBlock block, int dimension)
    {
        var stored = Transposed ? block.Transpose() : block;
        var part = IsGiven(dimension) || Candidates is null
            ? stored.AnchorsOf(Anchors.detach()).narrow(1, stored.FirstCandidate, stored.Candidates)
            : stored.CandidatesOf(Candidates.detach()).narrow(1, stored.FirstAnchor, stored.Anchors).t();
        return Transposed ? part.t() : part;
    }

    /// <summary>Refuses what are no rows of probabilities. Waits for the device.</summary>
    public static void Check(Tensor targets, [CallerArgumentExpression(nameof(targets))] string name = "")
    {
        Guard.Floating(targets, name);
        if (targets.dim() != 2) throw new ArgumentException($"{name} must have the shape (N, M) but have {Guard.Shape(targets)}", name);
        if (targets.shape[0] == 0 || targets.shape[1] == 0) throw new ArgumentException($"{name} have no rows or no columns: {Guard.Shape(targets)}", name);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        // What rounding may have made of 1.
        var isHalf = targets.dtype is ScalarType.Float16 or ScalarType.BFloat16;
        var sums = UnitRows.Widen(targets.sum(dim: 1));
        using var allowed = (isHalf ? 0.05 : 1e-3).ToScalar();
        var right = sums.sub(Scalars.One).abs().lt(allowed).logical_and(targets.amin([1]).ge(Scalars.Zero));
        if (right.all().item<bool>()) return;
        var row = right.logical_not().nonzero()[0, 0].item<long>();
        throw new ArgumentException(
            $"{name} must be probabilities whose rows add up to 1 but row {row} adds up to {sums[row].to(ScalarType.Float64).item<double>():g6} "
            + $"and its least is {targets[row].min().to(ScalarType.Float64).item<double>():g6}",
            name);
    }

    private bool IsGiven(int dimension) => (dimension == 1) != Transposed;
}
