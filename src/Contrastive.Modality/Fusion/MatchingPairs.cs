using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// The pairs that a fusion model is to tell apart (image-text matching; ALBEF, J. Li et al. 2021, section 3.2): the N of the batch, which match;
/// for each first one a hard second one; for each second one a hard first one.
/// </summary>
/// <remarks>
/// Row p of the fused batch is of <c>first.index_select(0, pairs.First)</c> and <c>second.index_select(0, pairs.Second)</c>. The tensors
/// belong to the surrounding dispose scope, if there is one; <see cref="Dispose"/> frees them at once.
/// </remarks>
public sealed class MatchingPairs : IDisposable
{
    private MatchingPairs(Tensor first, Tensor second, Tensor labels, long skipped)
        => (First, Second, Labels, Skipped) = (first, second, labels, skipped);

    /// <summary>(P) int64, the row of the first modality; P = 3N, less those skipped.</summary>
    public Tensor First { get; }

    /// <summary>(P) int64, the row of the second modality.</summary>
    public Tensor Second { get; }

    /// <summary>(P) int64, 1 where they match and 0 where they do not: the N of the batch first.</summary>
    public Tensor Labels { get; }

    /// <summary>The rows without a candidate of another id, both modalities together, which have no hard pair.</summary>
    public long Skipped { get; }

    /// <summary>Draws the pairs of a batch, first those of the rows and then those of the columns.</summary>
    /// <param name="similarities">(N, N), of the first modality's rows with the second's, divided by the temperature. Range: finite.</param>
    /// <param name="sampleIds">(N) integers: rows of one sample never stand for a pair that does not match.</param>
    /// <param name="generator">Where the draws come from; by default TorchSharp's global generator. On the similarities' device.</param>
    /// <param name="missingPairs">What happens to a row without a candidate of another id.</param>
    /// <exception cref="ArgumentException">The arguments do not fit together, or are not finite, or a row has no candidate.</exception>
    public static MatchingPairs Draw(
        Tensor similarities, Tensor? sampleIds = null, Generator? generator = null, MissingPairs missingPairs = MissingPairs.Throw)
    {
        ForeignWeights.CheckSquare(similarities);
        using var scope = NewDisposeScope();
        var seconds = HardNegativeDraw.Draw(similarities, sampleIds, generator: generator, missingPairs: missingPairs);
        var firsts = HardNegativeDraw.Draw(similarities.t(), sampleIds, generator: generator, missingPairs: missingPairs);
        var rows = TensorArithmetic.Range(0, similarities.shape[0], similarities.device);
        var (withSecond, withFirst) = (seconds.ge(Scalars.ZeroIndex), firsts.ge(Scalars.ZeroIndex));
        var first = cat([rows, rows.masked_select(withSecond), firsts.masked_select(withFirst)]);
        var second = cat([rows, seconds.masked_select(withSecond), rows.masked_select(withFirst)]);
        var labels = cat([ones_like(rows), zeros(first.shape[0] - rows.shape[0], dtype: ScalarType.Int64, device: rows.device)]);
        return new MatchingPairs(
            first.MoveToOuterDisposeScope(), second.MoveToOuterDisposeScope(), labels.MoveToOuterDisposeScope(), 3 * rows.shape[0] - first.shape[0]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
        Labels.Dispose();
    }
}

/// <summary>
/// The image-text matching loss: the cross-entropy of whether a pair matches, told from the fused states (ALBEF, J. Li et al. 2021,
/// equation 4).
/// </summary>
/// <example>
/// <code>
/// var pairs = MatchingPairs.Draw(similarities, sampleIds, generator);
/// var fused = model.Fuse(images.index_select(0, pairs.First), texts.index_select(0, pairs.Second));
/// new MatchingLoss().forward(head.forward(fused), pairs.Labels).backward();
/// </code>
/// </example>
public sealed class MatchingLoss : Loss<Tensor, Tensor, Tensor>
{
    /// <summary>Creates the loss.</summary>
    /// <param name="reduction">None gives one value per pair.</param>
    /// <exception cref="ArgumentOutOfRangeException">The reduction is not defined.</exception>
    public MatchingLoss(nn.Reduction reduction = nn.Reduction.Mean)
        : base(Guard.Defined(reduction))
    {
    }

    /// <summary>The loss of some pairs.</summary>
    /// <param name="logits">(P, 2), floating point: that the pair does not match, and that it does. Half precision is computed in float32.</param>
    /// <param name="labels">(P) integers, 1 where they match and 0 where they do not: <see cref="MatchingPairs.Labels"/>.</param>
    /// <returns>A scalar, or (P) where the reduction is none.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public override Tensor forward(Tensor logits, Tensor labels) => ClassCrossEntropy.Of(logits, labels, 2, "does not match, matches", reduction);
}
