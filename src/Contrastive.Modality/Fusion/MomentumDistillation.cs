using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// Momentum distillation (ALBEF, J. Li et al., "Align before Fuse", NeurIPS 2021, section 3.3): a momentum model's own opinion stands for a
/// share α of the targets, since pairs and masked words of the web have other right answers than the one that is given.
/// </summary>
public static class MomentumDistillation
{
    /// <summary>
    /// The targets of a contrast, y_i = α softmax_j(s_ij) + (1-α) onehot_i, where candidates of one id share the one-hot evenly (equation 6; the
    /// cross-entropy with them is its KL divergence and a constant). For <see cref="PairMap.FromTargets"/>.
    /// </summary>
    /// <param name="similarities">
    /// (N, M), s, finite: those of the momentum model's features with the candidates, divided by the temperature. Candidates are the batch's and those of a
    /// queue below them.
    /// </param>
    /// <param name="alpha">α. Range: 0 ≤ α ≤ 1.</param>
    /// <param name="ids">(N) integers, what row i shows; without them candidate i is row i's only positive, and M ≥ N.</param>
    /// <param name="candidateIds">(M) integers; by default, where N = M, the rows' ids.</param>
    /// <returns>(N, M), rows that add up to 1, without a graph. Half precision is widened to float32.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together, or are not finite, or a row has no candidate of its id.</exception>
    public static Tensor Targets(Tensor similarities, double alpha, Tensor? ids = null, Tensor? candidateIds = null)
    {
        Guard.Between(alpha, 0, 1);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var same = OwnPairs.Of(similarities, ids, candidateIds);
        var wide = UnitRows.Widen(similarities.detach());
        FiniteRows.Check(wide, nameof(similarities));
        var own = same.to(wide.dtype);
        var counts = own.sum(1, keepdim: true);
        if (counts.eq(Scalars.Zero).any().item<bool>())
            throw new ArgumentException($"row {counts.eq(Scalars.Zero).nonzero()[0, 0].item<long>()} has no candidate of its id", nameof(candidateIds));
        return wide.softmax(1).Times(alpha).Plus(own.div(counts).Times(1 - alpha)).MoveToOuterDisposeScope();
    }

    /// <summary>α that rises in a straight line from 0 and then stays: a momentum model knows nothing at first.</summary>
    /// <param name="step">The steps that were taken. Range: ≥ 0.</param>
    /// <param name="rampSteps">In how many it rises; in ALBEF those of the first epoch. Range: ≥ 0.</param>
    /// <param name="alpha">α from then on. Range: 0 ≤ α ≤ 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    public static double Ramp(long step, long rampSteps, double alpha = 0.4)
    {
        Guard.AtLeast(step, 0);
        Guard.AtLeast(rampSteps, 0);
        Guard.Between(alpha, 0, 1);
        return step >= rampSteps ? alpha : alpha * step / rampSteps;
    }
}

/// <summary>Which candidates show what a row shows.</summary>
internal static class OwnPairs
{
    /// <summary>(N, M) bool: equal ids, or without ids the pairs (i, i). Refuses what does not fit together.</summary>
    public static Tensor Of(Tensor similarities, Tensor? ids, Tensor? candidateIds)
    {
        Guard.Floating(similarities);
        if (similarities.dim() != 2 || similarities.shape[0] == 0 || similarities.shape[1] == 0)
            throw new ArgumentException($"similarities must have the shape (N, M) but have {Guard.Shape(similarities)}", nameof(similarities));
        var (rows, candidates) = (similarities.shape[0], similarities.shape[1]);
        if (ids is null)
        {
            if (candidateIds is not null) throw new ArgumentException("candidateIds are given but ids, those of the rows, are not", nameof(candidateIds));
            if (candidates < rows)
                throw new ArgumentException($"similarities have {rows} rows but {candidates} candidates: without ids candidate i is row i's own", nameof(similarities));
            return eye(rows, candidates, dtype: ScalarType.Bool, device: similarities.device);
        }
        Guard.Integers(ids, rows);
        Guard.SameDevice(similarities, ids);
        if (candidateIds is null && candidates != rows)
            throw new ArgumentException($"similarities have {rows} rows but {candidates} candidates, whose candidateIds are not given", nameof(candidateIds));
        candidateIds ??= ids;
        Guard.Integers(candidateIds, candidates);
        Guard.SameDevice(similarities, candidateIds);
        return ids.unsqueeze(1).eq(candidateIds.unsqueeze(0));
    }
}

/// <summary>Refuses numbers that are not finite, by the row they are in. Waits for the device.</summary>
internal static class FiniteRows
{
    /// <param name="rows">(N, D).</param>
    /// <param name="name">As the caller knows them.</param>
    public static void Check(Tensor rows, string name)
    {
        using var scope = NewDisposeScope();
        var finite = rows.isfinite().all(1);
        if (!finite.all().item<bool>())
            throw new ArgumentException($"{name} are not finite in row {finite.logical_not().nonzero()[0, 0].item<long>()}", name);
    }
}
