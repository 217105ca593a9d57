using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>InfoNCE: the cross-entropy of picking an anchor's positive among the candidates by their similarity.</summary>
/// <remarks>
/// <para>
/// $$\ell_i = -\log \frac{\exp(s_{ip})}{\sum_j \exp(s_{ij})}, \qquad s_{ij} = \frac{\langle a_i, b_j \rangle}{\tau}$$
/// p is the anchor's positive, and the sum runs over its positives and negatives (van den Oord et al. 2018, equation 4).</para>
/// <para>With several positives, ℓ_i is the mean over them (SupCon's L_out), or as <see cref="PositiveSum"/> says.</para>
/// <para>The negatives are those of the batch, inside one logarithm, so the minibatch gradient is a biased estimate of the
/// full one and the bias falls only as the batch grows; <see cref="GammaContrastiveLoss"/> is the loss without that.</para>
/// <para>Variants: without the positives in the denominator (DCL, C.-H. Yeh et al., "Decoupled Contrastive Learning", ECCV 2022,
/// equation 5), with weights for them (DCL-W, equation 6); negatives weighted by how hard they are (<see cref="HardNegatives"/>); label
/// smoothing, and with <see cref="PairMap.FromTargets"/> any target probabilities: ℓ_i = -Σ_j t_ij (s_ij - log Σ_k exp(s_ik)). Anchors
/// may have weights (<see cref="PairMap.WithWeights"/>).</para>
/// <para>NaN in the features gives a NaN loss. Rows whose similarity is computed in half precision are widened first, and
/// the loss is float32.</para>
/// </remarks>
/// <example>
/// <code>
/// var loss = new InfoNCELoss(Temperature.Learned(), ContrastMode.Symmetric);
/// loss.forward(imageFeatures, textFeatures).backward();
/// </code>
/// </example>
public sealed class InfoNCELoss : ContrastiveLoss
{
    private readonly InfoNCEVariant _variant;

    /// <summary>Creates the loss.</summary>
    /// <param name="temperature">τ; fixed at 0.1 by default.</param>
    /// <param name="mode">Who is contrasted with whom.</param>
    /// <param name="similarity">Cosine, or the dot product as given.</param>
    /// <param name="positiveSum">Where the sum over several positives stands.</param>
    /// <param name="missingPairs">What happens to anchors without a positive or a negative.</param>
    /// <param name="reduction">None gives one value per anchor; mean is over the anchors that count.</param>
    /// <param name="decoupled">Whether positives leave the denominator (DCL). Then the loss may be below 0, and every anchor needs a negative.</param>
    /// <param name="misesFisherSigma">
    /// σ of the weights that the decoupled loss gives its positives (DCL-W; published with 0.5); null for none. It takes one positive per
    /// anchor. Range: σ > 0.
    /// </param>
    /// <param name="hardNegatives">How negatives are weighted by how hard they are; null for all alike.</param>
    /// <param name="labelSmoothing">
    /// ε, the part of the targets that is spread evenly over all candidates that are not excluded, as torch's cross_entropy does. Range: 0 ≤ ε &lt; 1.
    /// </param>
    /// <param name="memory">Rows of recent batches that are more negatives, inside the logarithm; null for none. It is the loss's own.</param>
    /// <exception cref="ArgumentException">Settings that have no meaning together.</exception>
    /// <exception cref="ArgumentOutOfRangeException">σ or ε is out of range, or an enumeration has a value it does not define.</exception>
    public InfoNCELoss(
        Temperature? temperature = null,
        ContrastMode mode = ContrastMode.OneDirection,
        SimilarityMeasure similarity = SimilarityMeasure.Cosine,
        PositiveSum positiveSum = PositiveSum.OutsideLog,
        MissingPairs missingPairs = MissingPairs.Throw,
        nn.Reduction reduction = nn.Reduction.Mean,
        bool decoupled = false,
        double? misesFisherSigma = null,
        HardNegatives? hardNegatives = null,
        double labelSmoothing = 0,
        CrossBatchMemory? memory = null)
        : base(temperature, mode, similarity, missingPairs, reduction)
    {
        PositiveSum = Guard.Defined(positiveSum);
        _variant = InfoNCEVariant.Of(decoupled, misesFisherSigma, hardNegatives, labelSmoothing, similarity, positiveSum);
        if (memory is null) return;
        if (misesFisherSigma is not null || hardNegatives is not null || labelSmoothing > 0)
            throw new ArgumentException(
                "remembered rows are plain negatives: they do not go with weighted positives, hard negatives or smoothed labels", nameof(memory));
        Memory = memory;
        register_module("memory", memory);
    }

    /// <summary>Rows of recent batches that are more negatives; null for none.</summary>
    public CrossBatchMemory? Memory { get; }

    /// <summary>Where the sum over several positives stands.</summary>
    public PositiveSum PositiveSum { get; }

    /// <summary>Whether positives leave the denominator.</summary>
    public bool Decoupled => _variant.Decoupled;

    /// <summary>σ of the decoupled loss's weights of positives; null for none.</summary>
    public double? MisesFisherSigma => _variant.MisesFisherSigma;

    /// <summary>How negatives are weighted by how hard they are; null for all alike.</summary>
    public HardNegatives? HardNegatives => _variant.HardNegatives;

    /// <summary>ε, the part of the targets that is spread evenly over all candidates.</summary>
    public double LabelSmoothing => _variant.LabelSmoothing;

    /// <inheritdoc/>
    public override ContrastiveResult Evaluate(
        Tensor anchors, Tensor candidates, Tensor? sampleIds = null, PairMap? pairs = null, Tensor? candidateIds = null)
    {
        using var scope = NewDisposeScope();
        var batch = Batch(anchors, candidates, sampleIds, pairs, candidateIds);
        return Function.InBatch(batch, Scale(anchors)).MoveToOuterDisposeScope();
    }

    /// <summary>The loss with negatives of the caller's choice, which replace the other candidates of the batch.</summary>
    /// <param name="anchors">(N, D).</param>
    /// <param name="positives">(N, D); row i is anchor i's positive.</param>
    /// <param name="negatives">(M, D), negatives of every anchor, or (N, M, D), M of each anchor's own.</param>
    /// <param name="pairs">
    /// A map made with <see cref="PairMap.Negatives"/>, (N, M): sample ids and masks that exclude false negatives, and the
    /// logit bias.
    /// </param>
    /// <returns>The loss, its value as objective and the number of anchors skipped.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    /// <exception cref="InvalidOperationException">The loss contrasts in more than one direction, or smooths labels.</exception>
    public ContrastiveResult EvaluateNegatives(Tensor anchors, Tensor positives, Tensor negatives, PairMap? pairs = null)
    {
        CheckNegatives(Mode);
        if (Memory is not null) throw new InvalidOperationException("the loss has a memory, and explicit negatives take the place of all others");
        _variant.CheckNegatives();
        CheckFeatures(anchors, positives);
        CheckNegatives(anchors, positives, negatives, pairs);
        using var scope = NewDisposeScope();
        return Function.WithNegatives(anchors, positives, negatives, pairs, Scale(anchors)).MoveToOuterDisposeScope();
    }

    /// <summary>Refuses explicit negatives in a mode that has no use for them.</summary>
    internal static void CheckNegatives(ContrastMode mode)
    {
        if (mode != ContrastMode.OneDirection)
            throw new InvalidOperationException($"explicit negatives are negatives of the anchors alone, but the mode is {mode}");
    }

    private InfoNCE Function => new(Mode, Similarity, PositiveSum, MissingPairs, reduction, Tiling, _variant, Memory, training);

    /// <summary>Refuses explicit negatives that do not fit anchors and positives, which were checked.</summary>
    internal static void CheckNegatives(Tensor anchors, Tensor positives, Tensor negatives, PairMap? pairs)
    {
        Guard.SameRows(anchors, positives);
        if (anchors.shape[0] == 0) throw new ArgumentException("anchors have no rows", nameof(anchors));
        var negativeCount = CheckNegatives(anchors, negatives);
        if (pairs is null) return;
        if (pairs.AnchorCount != anchors.shape[0] || pairs.CandidateCount != negativeCount)
            throw new ArgumentException(
                $"the pair map has {pairs.AnchorCount} anchors and {pairs.CandidateCount} candidates "
                + $"but there are {anchors.shape[0]} anchors and {negativeCount} negatives",
                nameof(pairs));
        pairs.CheckDevice(anchors, nameof(anchors));
        if (!pairs.HasNoPositives)
            throw new ArgumentException("the pair map of explicit negatives must be made with PairMap.Negatives: it has positives", nameof(pairs));
    }

    private static long CheckNegatives(Tensor anchors, Tensor negatives)
    {
        ArgumentNullException.ThrowIfNull(negatives);
        var rank = negatives.dim();
        if (rank is not (2 or 3))
            throw new ArgumentException(
                $"negatives must have the shape (M, D) or (N, M, D) but have {Guard.Shape(negatives)}", nameof(negatives));
        Guard.Floating(negatives);
        if (rank == 3) Guard.SameRows(anchors, negatives);
        Guard.Comparable(anchors, negatives);
        var count = negatives.shape[^2];
        if (count == 0) throw new ArgumentException("negatives have no rows", nameof(negatives));
        return count;
    }
}
