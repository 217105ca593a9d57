using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// Hard negatives as rows of the batch (ALBEF, J. Li et al. 2021, section 3.2): for each row one candidate of another id, drawn with a
/// probability ∝ softmax of their similarities. What is much like the right one is drawn often.
/// </summary>
/// <remarks>For negatives weighted within a loss see <see cref="HardNegatives"/>.</remarks>
public static class HardNegativeDraw
{
    /// <summary>What stands for a row without a candidate.</summary>
    public const long None = -1;

    /// <summary>Draws a candidate for each row.</summary>
    /// <param name="similarities">(N, M), divided by the temperature. Range: finite.</param>
    /// <param name="ids">(N) integers, what row i shows; without them candidate i is row i's own, and M ≥ N.</param>
    /// <param name="candidateIds">(M) integers; by default, where N = M, the rows' ids.</param>
    /// <param name="generator">Where the draws come from; by default TorchSharp's global generator. On the similarities' device.</param>
    /// <param name="missingPairs">What happens to a row whose candidates are all of its id: refused, or told by <see cref="None"/>.</param>
    /// <returns>(N) int64, the number of the candidate of each row.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together, or are not finite, or a row has no candidate.</exception>
    public static Tensor Draw(
        Tensor similarities,
        Tensor? ids = null,
        Tensor? candidateIds = null,
        Generator? generator = null,
        MissingPairs missingPairs = MissingPairs.Throw)
    {
        Guard.Defined(missingPairs);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var weights = ForeignWeights.Of(similarities, ids, candidateIds, generator, missingPairs);
        return weights.Draw(generator).MoveToOuterDisposeScope();
    }
}

/// <summary>Probabilities of candidates of other ids; rows without any have none.</summary>
/// <param name="Logits">(N, M), -∞ where a candidate cannot be drawn.</param>
/// <param name="HasAny">(N) bool, the rows that have a candidate.</param>
internal readonly record struct ForeignWeights(Tensor Logits, Tensor HasAny)
{
    /// <summary>Refuses similarities that are not of a batch's rows with as many others.</summary>
    public static void CheckSquare(Tensor similarities)
    {
        ArgumentNullException.ThrowIfNull(similarities);
        if (similarities.dim() != 2 || similarities.shape[0] != similarities.shape[1])
            throw new ArgumentException($"similarities must have the shape (N, N) but have {Guard.Shape(similarities)}", nameof(similarities));
    }

    /// <summary>Refuses what does not fit together. What it makes is in the caller's dispose scope.</summary>
    public static ForeignWeights Of(Tensor similarities, Tensor? ids, Tensor? candidateIds, Generator? generator, MissingPairs missingPairs)
    {
        var own = OwnPairs.Of(similarities, ids, candidateIds);
        Guard.DrawsOn(generator, similarities);
        var wide = UnitRows.Widen(similarities.detach());
        FiniteRows.Check(wide, nameof(similarities));
        var hasAny = own.all(1).logical_not();
        if (missingPairs == MissingPairs.Throw && !hasAny.all().item<bool>())
            throw new ArgumentException(
                $"row {hasAny.logical_not().nonzero()[0, 0].item<long>()} has no candidate of another id: "
                + $"give more candidates, or have such rows told with {nameof(MissingPairs)}.{nameof(MissingPairs.Skip)}",
                nameof(similarities));
        return new ForeignWeights(wide.masked_fill(own, Scalars.NegativeInfinity), hasAny);
    }

    /// <summary>One candidate a row, (N) int64; <see cref="HardNegativeDraw.None"/> of rows that have none.</summary>
    public Tensor Draw(Generator? generator)
    {
        using var scope = NewDisposeScope();
        // A row of nothing has no softmax: any will do, and what is drawn of it is not used.
        var drawable = Logits.masked_fill(HasAny.logical_not().unsqueeze(1), Scalars.Zero);
        var drawn = multinomial(drawable.softmax(1), 1, replacement: true, generator: generator).squeeze(1);
        using var none = HardNegativeDraw.None.ToScalar();
        return drawn.masked_fill(HasAny.logical_not(), none).MoveToOuterDisposeScope();
    }

    /// <summary>Without what was drawn, where others are left; in the caller's dispose scope.</summary>
    /// <param name="drawn">(N), as <see cref="Draw"/> gives them.</param>
    public ForeignWeights Without(Tensor drawn)
    {
        var less = Logits.scatter(1, drawn.clamp_min(Scalars.ZeroIndex).unsqueeze(1), full_like(drawn.unsqueeze(1), Scalars.NegativeInfinity, dtype: Logits.dtype));
        var some = less.isneginf().all(1).logical_not().unsqueeze(1);
        return this with { Logits = where(some, less, Logits) };
    }
}
