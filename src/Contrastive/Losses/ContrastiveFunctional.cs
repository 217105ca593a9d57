using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Functional forms beside TorchSharp's own: <c>torch.nn.functional.info_nce(...)</c>, <c>torch.nn.functional.sigmoid_contrastive(...)</c>,
/// <c>torch.nn.functional.uniformity(...)</c>. They make no module.
/// </summary>
public static class ContrastiveFunctional
{
    extension(nn.functional)
    {
        /// <summary>InfoNCE of a batch; see <see cref="InfoNCELoss"/>.</summary>
        /// <param name="anchors">(N, D).</param>
        /// <param name="positives">(N, D) where row i belongs to anchor i, or (M, D) with a pair map.</param>
        /// <param name="negatives">
        /// (M, D), negatives of every anchor, or (N, M, D), each anchor's own; they replace the other rows of
        /// <paramref name="positives"/>. By default those are the negatives.
        /// </param>
        /// <param name="sampleIds">(N) integers: rows of one sample are never negatives of each other.</param>
        /// <param name="pairs">
        /// Which candidate is which anchor's positive, what is excluded; with explicit negatives a map made with
        /// <see cref="PairMap.Negatives"/>.
        /// </param>
        /// <param name="candidateIds">(M) integers; by default, where N = M, the anchors' ids.</param>
        /// <param name="temperature">τ. Range: τ > 0.</param>
        /// <param name="mode">Who is contrasted with whom.</param>
        /// <param name="similarity">Cosine, or the dot product as given.</param>
        /// <param name="positiveSum">Where the sum over several positives stands.</param>
        /// <param name="missingPairs">What happens to anchors without a positive or a negative.</param>
        /// <param name="reduction">None gives one value per anchor.</param>
        /// <param name="decoupled">Whether positives leave the denominator (DCL).</param>
        /// <param name="misesFisherSigma">σ of the weights that the decoupled loss gives its positives (DCL-W); null for none. Range: σ > 0.</param>
        /// <param name="hardNegatives">How negatives are weighted by how hard they are; null for all alike.</param>
        /// <param name="labelSmoothing">ε, the part of the targets that is spread evenly over all candidates. Range: 0 ≤ ε &lt; 1.</param>
        /// <param name="tiling">How the matrix of similarities is worked through; <see cref="Tiling.Default"/> by default.</param>
        /// <returns>A scalar, or one value per anchor.</returns>
        /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
        public static Tensor info_nce(
            Tensor anchors,
            Tensor positives,
            Tensor? negatives = null,
            Tensor? sampleIds = null,
            PairMap? pairs = null,
            Tensor? candidateIds = null,
            double temperature = 0.1,
            ContrastMode mode = ContrastMode.OneDirection,
            SimilarityMeasure similarity = SimilarityMeasure.Cosine,
            PositiveSum positiveSum = PositiveSum.OutsideLog,
            MissingPairs missingPairs = MissingPairs.Throw,
            nn.Reduction reduction = nn.Reduction.Mean,
            bool decoupled = false,
            double? misesFisherSigma = null,
            HardNegatives? hardNegatives = null,
            double labelSmoothing = 0,
            Tiling? tiling = null)
        {
            Temperature.Check(temperature);
            Guard.Features(anchors);
            Guard.Features(positives);
            Guard.Comparable(anchors, positives);
            var function = new InfoNCE(
                Guard.Defined(mode),
                Guard.Defined(similarity),
                Guard.Defined(positiveSum),
                Guard.Defined(missingPairs),
                Guard.Defined(reduction),
                tiling ?? Tiling.Default,
                InfoNCEVariant.Of(decoupled, misesFisherSigma, hardNegatives, labelSmoothing, similarity, positiveSum));
            var scale = LogitScale.Of(temperature);
            using var scope = NewDisposeScope();
            if (negatives is null)
            {
                var batch = ContrastBatch.Of(mode, reduction, anchors, positives, sampleIds, pairs, candidateIds);
                return function.InBatch(batch, scale).Loss.MoveToOuterDisposeScope();
            }

            if ((sampleIds ?? candidateIds) is not null)
                throw new ArgumentException(
                    "with explicit negatives, give sample ids to the pair map: PairMap.Negatives(N, M).WithSampleIds(anchorIds, negativeIds)",
                    sampleIds is null ? nameof(candidateIds) : nameof(sampleIds));
            InfoNCELoss.CheckNegatives(mode);
            function.Variant.CheckNegatives();
            InfoNCELoss.CheckNegatives(anchors, positives, negatives, pairs);
            return function.WithNegatives(anchors, positives, negatives, pairs, scale).Loss.MoveToOuterDisposeScope();
        }

        /// <summary>The sigmoid loss of a batch with a fixed temperature and bias; see <see cref="SigmoidContrastiveLoss"/>.</summary>
        /// <param name="anchors">(N, D).</param>
        /// <param name="candidates">(N, D) where row i belongs to anchor i, or (M, D) with a pair map.</param>
        /// <param name="sampleIds">(N) integers: rows of one sample are never negatives of each other.</param>
        /// <param name="pairs">Which candidate is which anchor's positive, what is excluded.</param>
        /// <param name="candidateIds">(M) integers; by default, where N = M, the anchors' ids.</param>
        /// <param name="temperature">τ. Range: τ > 0.</param>
        /// <param name="bias">b. Range: finite.</param>
        /// <param name="mode">Who is contrasted with whom.</param>
        /// <param name="similarity">Cosine, or the dot product as given.</param>
        /// <param name="reduction">None gives one value per anchor; sum is what blocks of pairs add up to; mean is over all anchors.</param>
        /// <param name="tiling">How the matrix of similarities is worked through; <see cref="Tiling.Default"/> by default.</param>
        /// <returns>A scalar, or one value per anchor.</returns>
        /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
        public static Tensor sigmoid_contrastive(
            Tensor anchors,
            Tensor candidates,
            Tensor? sampleIds = null,
            PairMap? pairs = null,
            Tensor? candidateIds = null,
            double temperature = 0.1,
            double bias = -10,
            ContrastMode mode = ContrastMode.OneDirection,
            SimilarityMeasure similarity = SimilarityMeasure.Cosine,
            nn.Reduction reduction = nn.Reduction.Mean,
            Tiling? tiling = null)
        {
            Temperature.Check(temperature);
            SigmoidContrast.CheckBias(bias);
            Guard.Features(anchors);
            Guard.Features(candidates);
            Guard.Comparable(anchors, candidates);
            var function = new SigmoidContrast(Guard.Defined(mode), Guard.Defined(similarity), Guard.Defined(reduction), tiling ?? Tiling.Default);
            using var scope = NewDisposeScope();
            var batch = ContrastBatch.Of(mode, reduction, anchors, candidates, sampleIds, pairs, candidateIds);
            var constant = SigmoidContrast.ConstantBias(bias, UnitRows.ComputeType(anchors.dtype), anchors.device);
            return function.Of(batch, LogitScale.Of(temperature), constant).MoveToOuterDisposeScope();
        }

        /// <summary>The uniformity of one set of features; see <see cref="UniformityLoss"/>.</summary>
        /// <param name="x">(N, D), N ≥ 2, or N ≥ 1 where self-pairs count.</param>
        /// <param name="t">The sharpness of the kernel. Range: t > 0.</param>
        /// <param name="selfPairs">Whether the pairs of rows with themselves, 1 each, count in the mean: then it is over all N² pairs.</param>
        /// <param name="tiling">How the pairs are worked through; <see cref="Tiling.Default"/> by default.</param>
        /// <returns>A scalar, at most 0 and at least -4t.</returns>
        /// <exception cref="ArgumentException">x is no matrix of floating-point numbers, or has too few rows; or t is out of range.</exception>
        public static Tensor uniformity(Tensor x, double t = 2, bool selfPairs = false, Tiling? tiling = null)
        {
            Guard.Positive(t);
            return UniformityEquation.Of(x, t, selfPairs, tiling ?? Tiling.Default);
        }
    }
}
