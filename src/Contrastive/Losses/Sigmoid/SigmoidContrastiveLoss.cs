using Contrastive.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The sigmoid loss: each pair by itself is told to be a positive or a negative (SigLIP, X. Zhai et al., "Sigmoid Loss for Language
/// Image Pre-Training", ICCV 2023, equation 2 and algorithm 1).
/// </summary>
/// <remarks>
/// <para>
/// $$L = -\frac{1}{N} \sum_i \sum_j \log \sigma\!\left( z_{ij} \left( \frac{\langle a_i, b_j \rangle}{\tau} + b \right) \right)$$
/// z_ij is 1 of a positive and -1 of a negative; excluded pairs take no part.</para>
/// <para>1/τ is learned from 10 and b from -10, both without bounds (but those of float32), unless others are given. The mean divides by N.</para>
/// <para>The sum is the same seen from either side: where N = M, <see cref="ContrastMode.Symmetric"/> gives the value and the gradients
/// of <see cref="ContrastMode.OneDirection"/>. Where they differ its mean is that of 1/N and 1/M. With
/// <see cref="ContrastMode.TwoViews"/> the 2N rows are contrasted with themselves, a row's pair with itself excluded.</para>
/// <para><b>It is decomposable</b>: each pair has a logarithm of its own. So the pairs of a batch can be taken in blocks, whose losses
/// and gradients add up to those of the whole exactly: see <see cref="SumPairs"/>. Unlike <see cref="GammaContrastiveLoss"/> it is not an
/// estimate of InfoNCE: it has another optimum, which b and the number of negatives move.</para>
/// <para>Every anchor has a loss, also one without a positive or a negative: none is ever skipped, and
/// <see cref="ContrastiveLoss.MissingPairs"/> has no say. NaN in the features gives a NaN loss. Half precision is widened first, and the
/// loss is float32. It takes one pass and three matrix products, in memory O((N + M) D) and three tiles, and can be differentiated once,
/// unless <see cref="Tiling.DensePairs"/> asks for the whole matrix.</para>
/// </remarks>
/// <example>
/// <code>
/// var loss = new SigmoidContrastiveLoss();
/// loss.forward(imageFeatures, textFeatures).backward();
/// </code>
/// </example>
public sealed class SigmoidContrastiveLoss : ContrastiveLoss
{
    // Named as it is registered: TorchSharp finds the field again by this name when the module moves or changes its dtype.
    private readonly Parameter? bias;
    private readonly double _fixedBias;

    /// <summary>Creates the loss.</summary>
    /// <param name="temperature">τ; by default learned as log(1/τ) from log 10, without bounds.</param>
    /// <param name="initialBias">b at the start. Range: finite.</param>
    /// <param name="learnedBias">Whether an optimiser can change b.</param>
    /// <param name="mode">Who is contrasted with whom.</param>
    /// <param name="similarity">Cosine, or the dot product as given.</param>
    /// <param name="reduction">None gives one value per anchor; mean is over all anchors.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bias is not finite, or an enumeration has a value it does not define.</exception>
    public SigmoidContrastiveLoss(
        Temperature? temperature = null,
        double initialBias = -10,
        bool learnedBias = true,
        ContrastMode mode = ContrastMode.OneDirection,
        SimilarityMeasure similarity = SimilarityMeasure.Cosine,
        nn.Reduction reduction = nn.Reduction.Mean)
        : base(temperature, mode, similarity, MissingPairs.Skip, reduction, static () => Temperature.Learned(0.1, 1e-30, 1e30))
    {
        _fixedBias = SigmoidContrast.CheckBias(initialBias);
        if (!learnedBias) return;

        using var start = tensor(initialBias, dtype: ScalarType.Float32);
        bias = new Parameter(start.clone());
        bias.DetachFromDisposeScope();
        register_parameter(nameof(bias), bias);
    }

    /// <summary>Whether an optimiser can change <see cref="Bias"/>.</summary>
    public bool IsBiasLearned => bias is not null;

    /// <summary>b now. Reading a learned one waits for its device.</summary>
    public double Bias
    {
        get
        {
            if (bias is null) return _fixedBias;
            using var scope = NewDisposeScope();
            return bias.detach().to(ScalarType.Float64).item<double>();
        }
    }

    /// <inheritdoc/>
    public override ContrastiveResult Evaluate(
        Tensor anchors, Tensor candidates, Tensor? sampleIds = null, PairMap? pairs = null, Tensor? candidateIds = null)
    {
        using var scope = NewDisposeScope();
        var batch = Batch(anchors, candidates, sampleIds, pairs, candidateIds);
        CheckBiasDevice(anchors);
        return ContrastiveResult.OfValue(Function.Of(batch, Scale(anchors), BiasFor(anchors)), 0).MoveToOuterDisposeScope();
    }

    /// <summary>The sum of the loss over a rectangular block of a batch's pairs, whatever the reduction.</summary>
    /// <remarks>
    /// The sums over a partition of the pairs into blocks add up to the sum over the whole, values and gradients. For the mean over a
    /// batch of N anchors divide by N. So a batch can be gone through in parts, each with a <c>backward()</c> of its own, or
    /// candidates be taken in as they come (a memory, other processes' rows).
    /// </remarks>
    /// <param name="anchors">(m, D).</param>
    /// <param name="candidates">(n, D).</param>
    /// <param name="pairs">The map of the block: <see cref="PairMap.Block"/> of the batch's.</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public Tensor SumPairs(Tensor anchors, Tensor candidates, PairMap pairs)
    {
        CheckFeatures(anchors, candidates);
        CheckBiasDevice(anchors);
        ArgumentNullException.ThrowIfNull(pairs);
        pairs.Check(anchors, candidates, nameof(anchors), nameof(candidates));
        using var scope = NewDisposeScope();
        var block = new ContrastBatch(anchors, candidates, null, null, pairs, false);
        var function = Function with { Mode = ContrastMode.OneDirection, Reduction = nn.Reduction.Sum };
        return function.Of(block, Scale(anchors), BiasFor(anchors)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing) bias?.Dispose();
    }

    private SigmoidContrast Function => new(Mode, Similarity, reduction, Tiling);

    /// <summary>b, (1), in the dtype of the similarities, with its graph.</summary>
    private Tensor BiasFor(Tensor features)
    {
        var dtype = UnitRows.ComputeType(features.dtype);
        return bias is null ? SigmoidContrast.ConstantBias(_fixedBias, dtype, features.device) : bias.to(dtype).reshape(1);
    }

    private void CheckBiasDevice(Tensor anchors)
    {
        if (bias is not null) Guard.SameDevice(anchors, bias, nameof(anchors), "the bias");
    }
}
