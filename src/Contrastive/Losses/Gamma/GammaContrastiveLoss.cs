using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The decomposable contrastive loss: InfoNCE over the whole population, made a sum over pairs by a gamma-distributed
/// variable for each anchor.
/// </summary>
/// <remarks>
/// <para>
/// $$\ell_i = -\frac{1}{k} \sum_p s_{ip} + \frac{u_i}{k} \sum_j \exp(s_{ij}), \qquad u_i \sim \mathrm{Gamma}(k, \text{rate } Z_i)$$
/// p runs over the anchor's k positives, j over all candidates; mostly k = 1.</para>
/// <para>The objective contrasts each anchor with all N candidates of the population, L = mean_i [ -s_ii + log Z_i ] with
/// Z_i = Σ_j exp(s_ij). ℓ_i has its gradient in expectation and, given u, is a sum over pairs: any part of it, reweighted, is an
/// unbiased estimate, at any batch size, and parts add up exactly
/// (C. Chen et al., "Why do We Need Large Batchsizes in Contrastive Learning? A Gradient-Bias Perspective", NeurIPS 2022).
/// With k positives that share one denominator, ℓ_i is the mean over them, as SupCon's.</para>
/// <para>A step of the stochastic EM algorithm is an E-step, which asks the estimator for log Ẑ_i and draws u_i, and then an
/// M-step, whose value is to be minimised with u_i held constant. <c>forward</c> and <c>Evaluate</c> do both. A caller who
/// has all features but wants gradients in pieces uses <see cref="BeginStep"/>; one who has the features in pieces too,
/// <see cref="SumPartition"/>, <see cref="ExpectationStep(PartitionSums, Tensor, Tensor?, bool)"/> and
/// <see cref="MaximizationStep(Tensor, Tensor, PairMap, GammaWeights, nn.Reduction)"/>. In evaluation mode the estimators' state does not change.</para>
/// <para>The value of the loss says nothing about progress (given a good Ẑ_i its log-sum part is near 1 at all times): watch
/// <see cref="ContrastiveResult.Objective"/>.</para>
/// <para>Features that are not finite are refused before any state changes.</para>
/// <para>The estimators' state and a learned temperature are part of the module's state; so that sampled runs resume
/// exactly, save the generator's state beside it. One instance is not safe for use from several threads at once.</para>
/// </remarks>
/// <example>
/// <code>
/// var loss = new GammaContrastiveLoss(new PartitionTable(samples: 50_000), mode: ContrastMode.Symmetric);
/// loss.forward(imageFeatures, textFeatures, sampleIds).backward();
/// </code>
/// </example>
public sealed class GammaContrastiveLoss : ContrastiveLoss
{
    private readonly Generator? _generator;

    /// <summary>Creates the loss.</summary>
    /// <param name="estimator">Keeps log Ẑ_i for the anchors.</param>
    /// <param name="temperature">τ; fixed at 0.1 by default.</param>
    /// <param name="mode">
    /// Who is contrasted with whom. Each direction of a symmetric loss has an estimator of its own. With two views both rows of a
    /// sample have one estimate, and the estimator's population is that of both views, 2 · samples - 1.
    /// </param>
    /// <param name="similarity">Cosine, or the dot product as given.</param>
    /// <param name="eStep">Whether u_i is its posterior mean or drawn.</param>
    /// <param name="generator">Where draws come from; by default TorchSharp's global generator. On the features' device.</param>
    /// <param name="positiveSampling">How several positives came into the batch.</param>
    /// <param name="missingPairs">What happens to anchors without a positive or a negative.</param>
    /// <param name="reduction">None gives one value per anchor; mean is over the anchors that count.</param>
    /// <param name="reverseEstimator">
    /// Keeps log Ẑ_j for the candidates as anchors of a symmetric loss; by default an empty one like
    /// <paramref name="estimator"/>. Give one where candidates are numbered otherwise than anchors (captions of pictures).
    /// </param>
    /// <param name="memory">Rows of recent batches that stand on both sides of the batch's pairs; null for none. It is the loss's own.</param>
    /// <exception cref="ArgumentException">
    /// There is no estimator; there is a reverse one but the loss is not symmetric, or it is the estimator itself; there is a memory but no
    /// reduction; or an enumeration has a value it does not define.
    /// </exception>
    public GammaContrastiveLoss(
        PartitionEstimator estimator,
        Temperature? temperature = null,
        ContrastMode mode = ContrastMode.OneDirection,
        SimilarityMeasure similarity = SimilarityMeasure.Cosine,
        EStep eStep = EStep.PosteriorMean,
        Generator? generator = null,
        PositiveSampling positiveSampling = PositiveSampling.Complete,
        MissingPairs missingPairs = MissingPairs.Throw,
        nn.Reduction reduction = nn.Reduction.Mean,
        PartitionEstimator? reverseEstimator = null,
        CrossBatchMemory? memory = null)
        : base(temperature, mode, similarity, missingPairs, reduction)
    {
        ArgumentNullException.ThrowIfNull(estimator);
        var symmetric = mode == ContrastMode.Symmetric;
        if (reverseEstimator is not null && !symmetric)
            throw new ArgumentException($"there is a reverse estimator but the mode is {mode}, not {ContrastMode.Symmetric}", nameof(reverseEstimator));
        if (ReferenceEquals(estimator, reverseEstimator))
            throw new ArgumentException("each direction needs an estimator of its own, but both are one", nameof(reverseEstimator));
        Estimator = estimator;
        ReverseEstimator = symmetric ? reverseEstimator ?? estimator.CreateSibling() : null;
        EStep = Guard.Defined(eStep);
        PositiveSampling = Guard.Defined(positiveSampling);
        _generator = generator;
        register_module("estimator", Estimator);
        if (ReverseEstimator is not null) register_module("reverse_estimator", ReverseEstimator);
        if (memory is null) return;
        if (reduction == nn.Reduction.None)
            throw new ArgumentException("the loss has no reduction: what remembered anchors add is of no anchor of the batch", nameof(memory));
        Memory = memory;
        register_module("memory", memory);
    }

    /// <summary>Rows of recent batches; null for none.</summary>
    public CrossBatchMemory? Memory { get; }

    /// <summary>Keeps log Ẑ_i for the anchors.</summary>
    public PartitionEstimator Estimator { get; }

    /// <summary>Keeps log Ẑ_j for the candidates as anchors; null where the loss is not symmetric.</summary>
    public PartitionEstimator? ReverseEstimator { get; }

    /// <summary>Whether u_i is its posterior mean or drawn.</summary>
    public EStep EStep { get; }

    /// <summary>How several positives came into the batch.</summary>
    public PositiveSampling PositiveSampling { get; }

    /// <inheritdoc/>
    public override ContrastiveResult Evaluate(
        Tensor anchors, Tensor candidates, Tensor? sampleIds = null, PairMap? pairs = null, Tensor? candidateIds = null)
    {
        using var scope = NewDisposeScope();
        return Step(Batch(anchors, candidates, sampleIds, pairs, candidateIds)).Result.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// <see cref="Evaluate"/> for a batch whose gradients are wanted in pieces: value and objective without a graph, and the weights with
    /// which <see cref="GammaStep.Block"/> gives what each block of pairs adds to the loss.
    /// </summary>
    /// <remarks>In training the estimators' state moves on, as with <see cref="Evaluate"/>: call it once a batch.</remarks>
    /// <param name="anchors">(N, D), see <see cref="Evaluate"/>; of the whole batch. No gradient goes to them.</param>
    /// <param name="candidates">(M, D), of the whole batch.</param>
    /// <param name="sampleIds">(N) integers, the index of the sample that anchor i is.</param>
    /// <param name="pairs">Which candidate is which anchor's positive. By default row i belongs to row i, and N = M.</param>
    /// <param name="candidateIds">(M) integers, the index of the sample that candidate j is.</param>
    /// <exception cref="ArgumentException">The arguments do not fit together; nothing has changed then.</exception>
    /// <exception cref="InvalidOperationException">
    /// The loss has no reduction, so that blocks have nothing to add up to; or an estimator's state was converted to half precision.
    /// </exception>
    public GammaStep BeginStep(
        Tensor anchors, Tensor candidates, Tensor? sampleIds = null, PairMap? pairs = null, Tensor? candidateIds = null)
    {
        if (reduction == nn.Reduction.None)
            throw new InvalidOperationException("the loss has no reduction: blocks add up to one value for the batch, a mean or a sum");
        if (Memory is not null)
            throw new InvalidOperationException("the loss has a memory, whose rows are in no block: differentiate it by the features of the whole batch");
        using var constant = no_grad();
        // What the step makes, as large as the features, goes, but for what is handed on; where it is refused, all of it.
        using var scope = NewDisposeScope();
        var batch = Batch(anchors, candidates, sampleIds, pairs, candidateIds);
        var (result, weights, reverseWeights) = Step(batch);
        // With two views rows and ids of both were put together for this step, the rows once for both sides; otherwise they are the caller's.
        var stacked = Mode == ContrastMode.TwoViews;
        var rows = stacked ? batch.Anchors.MoveToOuterDisposeScope() : null;
        return new GammaStep(
            this,
            rows ?? anchors.detach().MoveToOuterDisposeScope(),
            rows ?? candidates.detach().MoveToOuterDisposeScope(),
            stacked ? batch.SampleIds?.MoveToOuterDisposeScope() : null,
            batch.Map,
            result.Detach().MoveToOuterDisposeScope(),
            weights.Copy().MoveToOuterDisposeScope(),
            reverseWeights?.Copy().MoveToOuterDisposeScope());
    }

    /// <summary>A batch's value and objective, and the weights that its M-step used. What it makes is in the caller's dispose scope.</summary>
    private (ContrastiveResult Result, GammaWeights Weights, GammaWeights? ReverseWeights) Step(ContrastBatch batch)
    {
        CheckMap(batch.Map);
        var scale = Scale(batch.Anchors);
        var matrix = Matrix(batch.Anchors, batch.Candidates, batch.Map, scale, reduction);
        batch.CheckFinite(matrix, Mode);
        var both = ReverseEstimator is not null;
        var memory = Memory is null ? null : Beside(Memory, matrix, batch);
        var step = memory is null ? null : new GammaMemoryStep(memory, matrix, scale, both);
        // A first item alone is skipped, and remembered.
        var missing = memory is not null && memory.IsAlone(batch.Items(Mode)) ? MissingPairs.Skip : MissingPairs;
        // What remembered anchors push needs the negatives of the candidates.
        var sums = matrix.Sum(both || memory?.Reverse is not null);

        // Both estimators find all that can be wrong before anything is drawn, and before either changes.
        var (anchors, candidates) = (matrix.Anchors, matrix.Candidates);
        var hasBias = batch.Map.HasLogitBias;
        PartitionSums Forward() => step?.Forward(sums.Anchors) ?? new PartitionSums(sums.Anchors.Detach(), hasBias);
        PartitionSums Reverse() => step?.Reverse(sums.Candidates!) ?? new PartitionSums(sums.Candidates!.Detach(), hasBias);
        var ofAnchors = Estimate(Estimator, Forward(), anchors, scale, batch.SampleIds, batch.HasDistinctIds, missing);
        var ofCandidates = ReverseEstimator is null
            ? null
            : Estimate(ReverseEstimator, Reverse(), candidates, scale, batch.CandidateIds, batch.HasDistinctIds, missing);
        var changes = training ? Changes(ofAnchors, ofCandidates, anchors, candidates, batch) : [];
        var forward = ofAnchors.Expect(EStep, _generator);
        var backward = ofCandidates?.Expect(EStep, _generator);
        var loss = AnchorLosses.Of(
            matrix, sums, Weighted(sums.Anchors, forward), backward is { } reverse ? Weighted(sums.Candidates!, reverse) : null, reduction);
        if (step is not null)
        {
            loss = loss.Plus(step.Loss(
                Scale(batch.Anchors, constant: true),
                forward,
                backward,
                () => ofAnchors.Sums.LogNegativeScale(ReverseEstimator!.Population),
                () => (ofCandidates?.Sums ?? step.Reverse(sums)).LogNegativeScale(Estimator.Population),
                reduction));
        }
        var skipped = forward.Skipped.Count + (backward?.Skipped.Count ?? 0);
        var objective = backward is { } other
            ? LossReduction.MeanOfDirections(forward.Objectives, other.Objectives, reduction)
            : forward.Objectives.Reduce(reduction);
        using (no_grad())
        {
            foreach (var change in changes) change?.Invoke();
            if (training) memory?.Store(forward.Weights.LogWeights, backward?.Weights.LogWeights);
        }
        return (new ContrastiveResult(loss, objective, skipped), forward.Weights, backward?.Weights);
    }

    /// <summary>What a block adds to the reduced loss of its batch: <see cref="GammaStep.Block"/>.</summary>
    /// <param name="anchors">(m, D).</param>
    /// <param name="candidates">(n, D).</param>
    /// <param name="pairs">The map of the block.</param>
    /// <param name="forward">The weights of these anchors and the share of each one in the batch's reduction.</param>
    /// <param name="backward">The same of these candidates as anchors of a symmetric loss.</param>
    /// <param name="constantTemperature">Whether a gradient by the temperature is not wanted.</param>
    internal Tensor Block(
        Tensor anchors,
        Tensor candidates,
        PairMap pairs,
        (GammaWeights Weights, double Share) forward,
        (GammaWeights Weights, double Share)? backward,
        bool constantTemperature)
    {
        CheckBlock(anchors, candidates, pairs);
        using var scope = NewDisposeScope();
        var matrix = Matrix(anchors, candidates, pairs, Scale(anchors, constantTemperature), nn.Reduction.Sum);
        if (backward is not { } reverse)
            return Maximize(matrix, forward.Weights, nn.Reduction.Sum).Times(forward.Share).MoveToOuterDisposeScope();

        var sums = matrix.Sum(bothDirections: true);
        var (ofAnchors, anchorParts) = Weighted(sums.Anchors, Constants(matrix, forward.Weights));
        var (ofCandidates, candidateParts) = Weighted(sums.Candidates!, Constants(matrix, reverse.Weights));
        var loss = ofAnchors.Reduce(nn.Reduction.Sum).Times(forward.Share)
            .Plus(ofCandidates.Reduce(nn.Reduction.Sum).Times(reverse.Share)).mul(Scalars.Half);
        if (!matrix.NeedsPullBack) return matrix.Attach(loss, 1).MoveToOuterDisposeScope();

        var (half, reverseHalf) = (forward.Share / 2, reverse.Share / 2);
        sums.PullBack(ofAnchors.DerivativesOf(nn.Reduction.Sum, half), ofCandidates.DerivativesOf(nn.Reduction.Sum, reverseHalf));
        return matrix.Attach(loss, 1, Leaf(forward.Weights, anchorParts, half), Leaf(reverse.Weights, candidateParts, reverseHalf))
            .MoveToOuterDisposeScope();

        static (Tensor, Tensor)? Leaf(GammaWeights weights, AugmentedParts parts, double share) => weights.LogWeights.requires_grad
            ? (weights.LogWeights, parts.ByLogWeights(zeros_like(weights.LogWeights.detach())).Times(share))
            : null;
    }

    /// <summary>What a block of candidates adds to the partition functions of a block of anchors. Nothing changes.</summary>
    /// <param name="anchors">(m, D).</param>
    /// <param name="candidates">(n, D).</param>
    /// <param name="pairs">The map of the block: <see cref="PairMap.Block"/> of the batch's.</param>
    /// <returns>Sums to <see cref="PartitionSums.Merge"/> with those of the anchors' other candidates.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public PartitionSums SumPartition(Tensor anchors, Tensor candidates, PairMap pairs)
    {
        CheckBlock(anchors, candidates, pairs);
        return SumBlock(anchors, candidates, pairs, bothDirections: false).OfAnchors;
    }

    /// <summary>
    /// <see cref="SumPartition"/> of a block seen from both sides, in one pass: what its candidates add to the partition functions of its
    /// anchors, and what its anchors add to those of its candidates, the anchors of the other direction of a symmetric loss. Nothing changes.
    /// </summary>
    /// <param name="anchors">(m, D).</param>
    /// <param name="candidates">(n, D).</param>
    /// <param name="pairs">The map of the block: <see cref="PairMap.Block"/> of the batch's.</param>
    /// <returns>Sums of the (m) anchors and of the (n) candidates, to <see cref="PartitionSums.Merge"/> with those of other blocks.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public (PartitionSums OfAnchors, PartitionSums OfCandidates) SumPartitions(Tensor anchors, Tensor candidates, PairMap pairs)
    {
        CheckBlock(anchors, candidates, pairs);
        var (ofAnchors, ofCandidates) = SumBlock(anchors, candidates, pairs, bothDirections: true);
        return (ofAnchors, ofCandidates!);
    }

    /// <summary>
    /// The E-step of anchors whose candidates are all here: <see cref="SumPartition"/> and
    /// <see cref="ExpectationStep(PartitionSums, Tensor, Tensor?, bool)"/> in one.
    /// </summary>
    /// <param name="anchors">(m, D): the batch's anchors, or some of them.</param>
    /// <param name="candidates">(n, D): all candidates of the batch.</param>
    /// <param name="pairs">The map of these anchors and candidates, which also says what sample ids exclude.</param>
    /// <param name="sampleIds">(m) integers: which sample each anchor is, for estimators that keep one estimate per sample.</param>
    /// <param name="reverse">Whether this is the other direction of a symmetric loss, the anchors being its candidates.</param>
    /// <returns>The constants that the M-step needs, one row per anchor.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; nothing has changed then.</exception>
    /// <exception cref="InvalidOperationException">An estimator's state was converted to half precision.</exception>
    public GammaWeights ExpectationStep(
        Tensor anchors, Tensor candidates, PairMap pairs, Tensor? sampleIds = null, bool reverse = false)
    {
        using var sums = SumPartition(anchors, candidates, pairs);
        return ExpectationStep(sums, anchors, sampleIds, reverse);
    }

    /// <summary>
    /// The E-step from the sums over all candidates of the batch, merged from blocks. In training the estimator's state moves
    /// on, so call it once a batch for each anchor, and with all rows of a sample in one call (in two they would be two
    /// visits). (A queue is not filled by it: call <see cref="PartitionQueue.Enqueue"/>.)
    /// </summary>
    /// <param name="sums">The merged sums of (m) anchors.</param>
    /// <param name="anchors">(m, D): the anchors of the sums; null where the estimator does not look at them (<see cref="PartitionTable"/>,
    /// <see cref="BatchPartition"/>).</param>
    /// <param name="sampleIds">(m) integers: which sample each anchor is, for estimators that keep one estimate per sample.</param>
    /// <param name="reverse">Whether this is the other direction of a symmetric loss, the anchors being its candidates.</param>
    /// <returns>The constants that the M-step needs, one row per anchor.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; nothing has changed then.</exception>
    /// <exception cref="InvalidOperationException">An estimator's state was converted to half precision.</exception>
    public GammaWeights ExpectationStep(PartitionSums sums, Tensor? anchors, Tensor? sampleIds = null, bool reverse = false)
    {
        ArgumentNullException.ThrowIfNull(sums);
        var count = sums.PositiveTerms.shape[0];
        if (anchors is not null)
        {
            Guard.Features(anchors);
            if (count != anchors.shape[0])
                throw new ArgumentException($"sums have {count} anchors but anchors have {anchors.shape[0]} rows", nameof(sums));
        }
        if (sampleIds is not null) Guard.Integers(sampleIds, count);
        var estimator = reverse
            ? ReverseEstimator ?? throw new ArgumentException($"reverse is true but the mode is {Mode}: there is no other direction", nameof(reverse))
            : Estimator;

        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var rows = anchors is null ? null : new FeatureRows(anchors, Similarity);
        var estimate = Estimate(estimator, sums, rows, Scale(anchors ?? sums.PositiveTerms), sampleIds, distinct: false, MissingPairs);
        var weights = estimate.Expect(EStep, _generator).Weights.Copy();
        if (training) estimate.Estimate.Commit?.Invoke();
        return weights.MoveToOuterDisposeScope();
    }

    /// <summary>The M-step: the augmented loss of a rectangular block of pairs, with the weights held constant.</summary>
    /// <remarks>
    /// The sums over a partition of the batch into blocks add up to the sum over the whole, values and gradients. For the
    /// mean over a batch of B anchors, divide by B.
    /// </remarks>
    /// <param name="anchors">(m, D).</param>
    /// <param name="candidates">(n, D).</param>
    /// <param name="pairs">The map of the block: <see cref="PairMap.Block"/> of the batch's.</param>
    /// <param name="weights">The weights of these (m) anchors, from the E-step.</param>
    /// <param name="reduction">Sum, or none for one value per anchor, or the mean over the block's anchors.</param>
    /// <returns>A scalar, or (m).</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public Tensor MaximizationStep(
        Tensor anchors,
        Tensor candidates,
        PairMap pairs,
        GammaWeights weights,
        nn.Reduction reduction = nn.Reduction.Sum)
    {
        CheckBlock(anchors, candidates, pairs);
        CheckWeights(weights, anchors, nameof(weights), nameof(anchors));
        Guard.Defined(reduction);

        using var scope = NewDisposeScope();
        return Maximize(Matrix(anchors, candidates, pairs, Scale(anchors), reduction), weights, reduction).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The M-step of both directions of a symmetric loss on a rectangular block of pairs, in one pass: half of each direction's sum, times
    /// the share that an anchor of the direction has in the loss of the batch.
    /// </summary>
    /// <remarks>For the mean over a batch of N anchors and M candidates the shares are 1/N and 1/M, less the skipped ones.</remarks>
    /// <param name="anchors">(m, D).</param>
    /// <param name="candidates">(n, D).</param>
    /// <param name="pairs">The map of the block: <see cref="PairMap.Block"/> of the batch's.</param>
    /// <param name="weights">The weights of these (m) anchors, from the E-step.</param>
    /// <param name="reverseWeights">Those of these (n) candidates as anchors, from the reverse E-step.</param>
    /// <param name="share">What the anchors' sum is multiplied by. Range: finite and ≥ 0.</param>
    /// <param name="reverseShare">What the candidates' sum is multiplied by. Range: finite and ≥ 0.</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public Tensor MaximizationStep(
        Tensor anchors, Tensor candidates, PairMap pairs, GammaWeights weights, GammaWeights reverseWeights, double share, double reverseShare)
    {
        CheckBlock(anchors, candidates, pairs);
        CheckWeights(weights, anchors, nameof(weights), nameof(anchors));
        CheckWeights(reverseWeights, candidates, nameof(reverseWeights), nameof(candidates));
        Guard.Weight(share);
        Guard.Weight(reverseShare);
        return Block(anchors, candidates, pairs, (weights, share), (reverseWeights, reverseShare), constantTemperature: false);
    }

    private static void CheckWeights(GammaWeights weights, Tensor rows, string name, string rowsName)
    {
        ArgumentNullException.ThrowIfNull(weights, name);
        if (weights.Count != rows.shape[0])
            throw new ArgumentException($"{name} are of {weights.Count} anchors but {rowsName} have {rows.shape[0]} rows", name);
        Guard.SameDevice(rows, weights.LogWeights, rowsName, name);
    }

    /// <summary>What a block adds to the partition functions of its anchors and, if asked for, of its candidates.</summary>
    private (PartitionSums OfAnchors, PartitionSums? OfCandidates) SumBlock(Tensor anchors, Tensor candidates, PairMap pairs, bool bothDirections)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var matrix = Matrix(anchors, candidates, pairs, Scale(anchors), nn.Reduction.Sum);
        var sums = matrix.Sum(bothDirections);
        matrix.Release();
        // The directions may share tensors, or be one (a set with itself): each result is to be disposed, and moved between scopes, by itself.
        return (
            new PartitionSums(sums.Anchors.Detach(), pairs.HasLogitBias).MoveToOuterDisposeScope(),
            bothDirections ? new PartitionSums(sums.Candidates!.Copy(), pairs.HasLogitBias).MoveToOuterDisposeScope() : null);
    }

    private void CheckBlock(Tensor anchors, Tensor candidates, PairMap pairs)
    {
        CheckFeatures(anchors, candidates);
        ArgumentNullException.ThrowIfNull(pairs);
        pairs.Check(anchors, candidates, nameof(anchors), nameof(candidates));
        CheckMap(pairs);
    }

    /// <summary>Refuses what a map says that this loss has no place for.</summary>
    private static void CheckMap(PairMap pairs)
    {
        pairs.CheckNoTargets(nameof(pairs));
        if (pairs.HasWeights)
            throw new ArgumentException(
                $"the pair map has weights of anchors, which {nameof(InfoNCELoss)} and {nameof(SigmoidContrastiveLoss)} take: "
                + $"of a {nameof(GammaContrastiveLoss)} weigh the values per anchor (reduction {nameof(nn.Reduction.None)})",
                nameof(pairs));
    }

    private SimilarityMatrix Matrix(Tensor anchors, Tensor candidates, PairMap map, LogitScale scale, nn.Reduction reduction)
        => SimilarityMatrix.Of(
            new FeatureRows(anchors, Similarity),
            new FeatureRows(candidates, Similarity),
            scale,
            new PairTerms(map, PositiveSampling),
            Tiling,
            reduction != nn.Reduction.None);

    private GammaEstimate Estimate(
        PartitionEstimator estimator,
        PartitionSums sums,
        FeatureRows? anchors,
        LogitScale scale,
        Tensor? sampleIds,
        bool distinct,
        MissingPairs missing)
        => GammaEstimate.Of(sums, anchors, scale, sampleIds, distinct, estimator, missing, Tiling);

    /// <summary>The memory beside a batch.</summary>
    private BatchMemory Beside(CrossBatchMemory memory, SimilarityMatrix matrix, ContrastBatch batch)
    {
        CheckSampling(batch.Map);
        return BatchMemory.Of(memory, matrix, batch.Map, batch.SampleIds, batch.CandidateIds, Mode == ContrastMode.TwoViews, Tiling);
    }

    private void CheckSampling(PairMap pairs)
    {
        if (pairs.HasLabels && PositiveSampling == PositiveSampling.Sampled)
            throw new ArgumentException(
                $"with {nameof(PositiveSampling)}.{nameof(PositiveSampling.Sampled)} remembered rows of a label would be positives, which they cannot be yet: "
                + "leave out the memory or the labels",
                nameof(pairs));
    }

    /// <summary>The M-step of one direction with given weights.</summary>
    private static Tensor Maximize(SimilarityMatrix matrix, GammaWeights weights, nn.Reduction reduction)
    {
        var constants = Constants(matrix, weights);
        var byLogWeights = zeros_like(weights.LogWeights.detach());
        return AnchorLosses.Of(matrix, Block, reduction, own: () => (weights.LogWeights, byLogWeights)).Loss;

        AnchorLosses Block(PairSums sums, long first, long count)
        {
            var block = constants.Rows(first, count);
            var (value, parts) = AugmentedEquation.Of(sums, block);
            return new AnchorLosses(value, SkippedAnchors.None, () =>
            {
                parts.ByLogWeights(byLogWeights.narrow(0, first, count));
                return parts.Derivatives(block);
            });
        }
    }

    /// <summary>Weights as the equation of a matrix takes them.</summary>
    private static GammaWeights Constants(SimilarityMatrix matrix, GammaWeights weights)
    {
        // The derivative by the weights goes the way of the features' gradients, so that no graph gets past them. Where there is a
        // graph, autograd keeps them, and refuses to keep those of an E-step in inference mode. A copy is none.
        return matrix.NeedsPullBack ? weights.Detach() : weights.Copy();
    }

    private static (AnchorLosses Losses, AugmentedParts Parts) Weighted(PairSums sums, GammaWeights weights, SkippedAnchors? skipped = null)
    {
        var (value, parts) = AugmentedEquation.Of(sums, weights);
        return (new AnchorLosses(value, skipped ?? SkippedAnchors.None, () => parts.Derivatives(weights)), parts);
    }

    private static AnchorLosses Weighted(PairSums sums, GammaExpectation expectation) => Weighted(
        expectation.Skipped.Mask is { } mask ? sums.ZeroWhere(mask) : sums, expectation.Weights, expectation.Skipped).Losses;

    /// <summary>Checks what estimators are to take in. The changes of state, for when all is well.</summary>
    private Action?[] Changes(GammaEstimate forward, GammaEstimate? backward, FeatureRows anchors, FeatureRows candidates, ContrastBatch batch)
    {
        using var constant = no_grad();
        return
        [
            forward.Estimate.Commit,
            Observed(Estimator, candidates, batch.CandidateIds),
            backward?.Estimate.Commit,
            ReverseEstimator is null ? null : Observed(ReverseEstimator, anchors, batch.SampleIds),
        ];

        static Action? Observed(PartitionEstimator estimator, FeatureRows rows, Tensor? ids)
            => estimator.IgnoresCandidates ? null : estimator.Observe(rows.Constant, ids);
    }
}
