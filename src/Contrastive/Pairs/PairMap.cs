using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Which candidate is a positive, which a negative and which no concern of an anchor: the one place where a loss learns
/// this. Immutable; every method returns a new map. It refers to the tensors it is given and does not dispose them.
/// </summary>
/// <remarks>
/// <para>A pair is <b>excluded</b> if <see cref="Exclude"/> or <see cref="ExcludeSelf"/> says so, else <b>positive</b> if the
/// map's rule says so, else excluded if it has equal sample ids (<see cref="WithSampleIds(Tensor)"/>), else <b>negative</b>.
/// Excluded pairs take no part in any sum.</para>
/// <para>Masks are worked out a block at a time; a map made of labels, ids or positions never holds an (N, M) matrix.</para>
/// </remarks>
public sealed class PairMap
{
    private PairMap(PairRule positives, long anchors, long candidates)
    {
        PositiveRule = positives;
        Part = new PairBlock(0, anchors, 0, candidates);
    }

    private PairMap(PairMap other)
    {
        (PositiveRule, ExcludedRule, SameSampleRule) = (other.PositiveRule, other.ExcludedRule, other.SameSampleRule);
        (Bias, Weights, Targets, Part) = (other.Bias, other.Weights, other.Targets, other.Part);
    }

    private PairRule PositiveRule { get; init; }

    private PairRule? ExcludedRule { get; init; }

    private PairRule? SameSampleRule { get; init; }

    private LogitBias? Bias { get; init; }

    private AnchorWeights? Weights { get; init; }

    private SoftTargets? Targets { get; init; }

    /// <summary>Where this map lies in the whole.</summary>
    private PairBlock Part { get; init; }

    /// <summary>The number of anchors, N.</summary>
    public long AnchorCount => Part.Anchors;

    /// <summary>The number of candidates, M.</summary>
    public long CandidateCount => Part.Candidates;

    /// <summary>Row i of the anchors belongs to row i of the candidates: the usual batch of pairs.</summary>
    /// <param name="count">N, the number of pairs. Range: N ≥ 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">N is less than 1.</exception>
    public static PairMap Diagonal(long count)
    {
        Guard.AtLeast(count, 1);
        return new PairMap(new DiagonalRule(), count, count);
    }

    /// <summary>
    /// Two views of N items stacked to 2N rows, compared with themselves: rows i and i + N are each other's positive, every
    /// other row is a negative, a row's pair with itself is excluded (NT-Xent, Chen et al. 2020, equation 1).
    /// </summary>
    /// <param name="count">N, the number of items. Range: N ≥ 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">N is less than 1.</exception>
    public static PairMap TwoViews(long count)
    {
        Guard.AtLeast(count, 1);
        return new PairMap(new TwoViewsRule(count), 2 * count, 2 * count).ExcludeSelf();
    }

    /// <summary>Every candidate is a negative of every anchor; for explicit negatives, whose positives come apart.</summary>
    /// <param name="anchors">N. Range: N ≥ 1.</param>
    /// <param name="candidates">M. Range: M ≥ 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">N or M is less than 1.</exception>
    public static PairMap Negatives(long anchors, long candidates)
    {
        Guard.AtLeast(anchors, 1);
        Guard.AtLeast(candidates, 1);
        return new PairMap(new NoRule(), anchors, candidates);
    }

    /// <summary>The positives as a mask; any number per anchor.</summary>
    /// <param name="positives">(N, M) bool, true where candidate j is a positive of anchor i.</param>
    /// <exception cref="ArgumentException">The mask is not a bool matrix.</exception>
    public static PairMap FromMask(Tensor positives)
    {
        ArgumentNullException.ThrowIfNull(positives);
        if (positives.dim() != 2)
            throw new ArgumentException($"positives must have the shape (N, M) but has {Guard.Shape(positives)}", nameof(positives));
        Guard.Mask(positives, positives.shape[0], positives.shape[1]);
        return new PairMap(new MaskRule(positives, false, nameof(positives)), positives.shape[0], positives.shape[1]);
    }

    /// <summary>
    /// How much of a positive each candidate is, as probabilities: the targets of momentum distillation (ALBEF, J. Li et al. 2021,
    /// equation 6) or of a teacher, for <see cref="InfoNCELoss"/>. A pair with a target above 0 is a positive. What targets excluded
    /// pairs have is left out. No gradient is taken through them.
    /// </summary>
    /// <param name="targets">(N, M) floating point, each row a distribution. Range: ≥ 0, rows add up to 1.</param>
    /// <param name="candidateTargets">
    /// (M, N), the targets of the candidates as anchors of the other direction of a symmetric loss, as ALBEF has them; by default the
    /// transpose of <paramref name="targets"/>, each row divided by its sum.
    /// </param>
    /// <exception cref="ArgumentException">The targets are not rows of probabilities, or shapes differ.</exception>
    public static PairMap FromTargets(Tensor targets, Tensor? candidateTargets = null)
    {
        SoftTargets.Check(targets);
        var (anchors, candidates) = (targets.shape[0], targets.shape[1]);
        PairRule positives = new TargetRule(targets, false, nameof(targets));
        if (candidateTargets is not null)
        {
            SoftTargets.Check(candidateTargets);
            if (candidateTargets.shape[0] != candidates || candidateTargets.shape[1] != anchors)
                throw new ArgumentException(
                    $"candidateTargets must have the shape ({candidates}, {anchors}) but have {Guard.Shape(candidateTargets)}", nameof(candidateTargets));
            positives = Either(positives, new TargetRule(candidateTargets, true, nameof(candidateTargets)));
        }
        return new PairMap(positives, anchors, candidates) { Targets = new SoftTargets(targets, candidateTargets) };
    }

    /// <summary>
    /// One set compared with itself: rows with equal labels are positives, a row's pair with itself is excluded (SupCon,
    /// Khosla et al. 2020).
    /// </summary>
    /// <param name="labels">(N) integers.</param>
    /// <exception cref="ArgumentException">The labels are not a vector of integers.</exception>
    public static PairMap FromLabels(Tensor labels)
    {
        CheckVector(labels, nameof(labels));
        return OfLabels(labels, labels).ExcludeSelf();
    }

    /// <summary>Two sets: candidates with the label of an anchor are its positives.</summary>
    /// <param name="anchorLabels">(N) integers.</param>
    /// <param name="candidateLabels">(M) integers; not the same tensor, which would make every row its own positive.</param>
    /// <exception cref="ArgumentException">The labels are not vectors of integers, or one and the same tensor.</exception>
    public static PairMap FromLabels(Tensor anchorLabels, Tensor candidateLabels)
    {
        CheckVector(anchorLabels, nameof(anchorLabels));
        CheckVector(candidateLabels, nameof(candidateLabels));
        if (ReferenceEquals(anchorLabels, candidateLabels))
            throw new ArgumentException(
                "anchorLabels and candidateLabels are one tensor, which would make every row its own positive: "
                + "for one set compared with itself call FromLabels(labels), for two sets with equal labels give a copy",
                nameof(candidateLabels));
        return OfLabels(anchorLabels, candidateLabels);
    }

    private static PairMap OfLabels(Tensor anchorLabels, Tensor candidateLabels) => new(
        new EqualityRule(anchorLabels, candidateLabels, nameof(anchorLabels), nameof(candidateLabels)),
        anchorLabels.shape[0],
        candidateLabels.shape[0]);

    /// <summary>
    /// Excludes the pairs of a mask: false negatives, padding; positives too. The features of
    /// excluded rows must still be finite: NaN would reach the gradients.
    /// </summary>
    /// <param name="pairs">(N, M) bool, true where a pair takes no part.</param>
    /// <exception cref="ArgumentException">The mask is not bool, or not of the map's shape.</exception>
    /// <exception cref="InvalidOperationException">The map is a block of another.</exception>
    public PairMap Exclude(Tensor pairs)
    {
        CheckWhole();
        Guard.Mask(pairs, AnchorCount, CandidateCount);
        return WithExcluded(new MaskRule(pairs, false, nameof(pairs)));
    }

    /// <summary>Excludes the pair of each row with itself, for a set compared with itself.</summary>
    /// <exception cref="InvalidOperationException">The map is not square, or a block of another.</exception>
    public PairMap ExcludeSelf()
    {
        CheckWhole();
        if (AnchorCount != CandidateCount)
            throw new InvalidOperationException(
                $"only a set compared with itself has self-pairs, but the map has {AnchorCount} anchors and {CandidateCount} candidates");
        return WithExcluded(new DiagonalRule());
    }

    /// <summary>
    /// Says which sample each row is, for anchors and candidates that are rows of the same samples: rows of one sample are
    /// never negatives of each other.
    /// </summary>
    /// <param name="ids">(N) integers; N = M.</param>
    /// <exception cref="ArgumentException">The ids are not N = M integers.</exception>
    /// <exception cref="InvalidOperationException">The map is a block of another.</exception>
    public PairMap WithSampleIds(Tensor ids) => WithSampleIds(ids, ids);

    /// <summary>Says which sample each row is: an anchor and a candidate of one sample are never negatives of each other.</summary>
    /// <param name="anchorIds">(N) integers.</param>
    /// <param name="candidateIds">(M) integers.</param>
    /// <exception cref="ArgumentException">The ids are not N and M integers.</exception>
    /// <exception cref="InvalidOperationException">The map is a block of another.</exception>
    public PairMap WithSampleIds(Tensor anchorIds, Tensor candidateIds)
    {
        CheckWhole();
        Guard.Integers(anchorIds, AnchorCount);
        Guard.Integers(candidateIds, CandidateCount);
        var rule = new EqualityRule(anchorIds, candidateIds, nameof(anchorIds), nameof(candidateIds));
        return new PairMap(this) { SameSampleRule = Either(SameSampleRule, rule) };
    }

    /// <summary>
    /// A term added to each similarity after the temperature: the log-frequency correction of sampled candidates
    /// (-log q_j, a vector), prior knowledge of pairs, or noise (a matrix). No gradient is taken through it. Replaces an
    /// earlier bias.
    /// </summary>
    /// <param name="bias">(M), or (N, M), floating point.</param>
    /// <exception cref="ArgumentException">The bias is not floating point, or of another shape.</exception>
    /// <exception cref="InvalidOperationException">The map is a block of another.</exception>
    public PairMap WithLogitBias(Tensor bias)
    {
        CheckWhole();
        Guard.Floating(bias);
        var shape = bias.shape;
        if (!(shape.Length == 1 && shape[0] == CandidateCount)
            && !(shape.Length == 2 && shape[0] == AnchorCount && shape[1] == CandidateCount))
            throw new ArgumentException(
                $"bias must have the shape ({CandidateCount}) or ({AnchorCount}, {CandidateCount}) but has {Guard.Shape(bias)}", nameof(bias));
        return new PairMap(this) { Bias = new LogitBias(bias) };
    }

    /// <summary>
    /// How much each anchor counts: a sum is Σ w_i ℓ_i, a mean Σ w_i ℓ_i / Σ w_i over the anchors that count, and without reduction
    /// each value is w_i ℓ_i, as torch's cross_entropy weighs classes. No gradient is taken through the weights. Replaces earlier ones.
    /// </summary>
    /// <param name="anchorWeights">(N) floating point. Range: finite and w ≥ 0.</param>
    /// <param name="candidateWeights">
    /// (M), how much each candidate counts as an anchor of the other direction of a symmetric loss; by default, where N = M, the anchors'
    /// weights.
    /// </param>
    /// <exception cref="ArgumentException">The weights are not N and M numbers, or out of range.</exception>
    /// <exception cref="InvalidOperationException">The map is a block of another.</exception>
    public PairMap WithWeights(Tensor anchorWeights, Tensor? candidateWeights = null)
    {
        CheckWhole();
        AnchorWeights.Check(anchorWeights, AnchorCount);
        if (candidateWeights is not null) AnchorWeights.Check(candidateWeights, CandidateCount);
        else if (AnchorCount == CandidateCount) candidateWeights = anchorWeights;
        return new PairMap(this) { Weights = new AnchorWeights(anchorWeights, candidateWeights) };
    }

    /// <summary>A bias b_i + b_j for a set compared with itself.</summary>
    /// <param name="bias">(N).</param>
    internal PairMap WithSymmetricBias(Tensor bias)
        => new(this) { Bias = new LogitBias(bias, IsSymmetric: true) };

    /// <summary>The map of the candidates as anchors and the anchors as candidates.</summary>
    public PairMap Transpose() => new(this)
    {
        PositiveRule = PositiveRule.Transpose(),
        ExcludedRule = ExcludedRule?.Transpose(),
        SameSampleRule = SameSampleRule?.Transpose(),
        Bias = Bias?.Transpose(),
        Weights = Weights?.Transpose(),
        Targets = Targets?.Transpose(),
        Part = Part.Transpose(),
    };

    /// <summary>The part of the map that a rectangular block of the pairs needs.</summary>
    /// <param name="firstAnchor">The first anchor, counted in this map.</param>
    /// <param name="anchors">How many anchors.</param>
    /// <param name="firstCandidate">The first candidate, counted in this map.</param>
    /// <param name="candidates">How many candidates.</param>
    /// <exception cref="ArgumentOutOfRangeException">The block is not inside the map.</exception>
    public PairMap Block(long firstAnchor, long anchors, long firstCandidate, long candidates)
    {
        CheckRange(firstAnchor, anchors, AnchorCount, nameof(firstAnchor), nameof(anchors));
        CheckRange(firstCandidate, candidates, CandidateCount, nameof(firstCandidate), nameof(candidates));
        return new PairMap(this) { Part = new PairBlock(Part.FirstAnchor + firstAnchor, anchors, Part.FirstCandidate + firstCandidate, candidates) };
    }

    /// <summary>Whether this is no part of a larger map.</summary>
    internal bool IsWhole => Part.FirstAnchor == 0 && Part.FirstCandidate == 0;

    /// <summary>Whether each row belongs to the row of the same number, and that is all the map says.</summary>
    internal bool IsDiagonal => PositiveRule is DiagonalRule && ExcludedRule is null && SameSampleRule is null;

    /// <summary>Whether a logit bias is set.</summary>
    internal bool HasLogitBias => Bias is not null;

    /// <summary>Whether anchors have weights.</summary>
    internal bool HasWeights => Weights is not null;

    /// <summary>The weights of this map's anchors, (n); null for none.</summary>
    internal Tensor? WeightsOfAnchors(ScalarType dtype) => Weights is null ? null : Part.AnchorsOf(Given(Weights.Anchors)).to(dtype);

    /// <summary>Those of its candidates as anchors, (m).</summary>
    internal Tensor? WeightsOfCandidates(ScalarType dtype) => Weights is null ? null : Part.CandidatesOf(Given(Weights.Candidates)).to(dtype);

    private static Tensor Given(Tensor? weights) => weights?.detach() ?? throw new ArgumentException(
        "the other direction of a symmetric loss weighs the candidates, but only the anchors have weights: "
        + $"give candidateWeights to {nameof(PairMap)}.{nameof(WithWeights)}");

    /// <summary>Whether anchors have rows of target probabilities.</summary>
    internal bool HasTargets => Targets is not null;

    /// <summary>Refuses targets, for losses whose positives are positives.</summary>
    internal void CheckNoTargets(string name)
    {
        if (HasTargets) throw new ArgumentException("the pair map has target probabilities, which only the InfoNCE loss takes", name);
    }

    /// <summary>Whether the rows of targets of one direction are columns of the other's, to be divided by their sums.</summary>
    /// <param name="dimension">1 of the anchors, 0 of the candidates.</param>
    internal bool TargetsAreColumns(int dimension) => Targets!.AreColumns(dimension);

    /// <summary>The targets of one direction of a part of the map, (anchors, candidates) in either case, as given.</summary>
    /// <param name="part">Counted in this map.</param>
    /// <param name="dimension">1 of the anchors, 0 of the candidates.</param>
    internal Tensor TargetsOf(PairBlock part, int dimension) => Targets!.Of(part.Within(Part), dimension);

    /// <summary>
    /// The diagonals that positives lie on, counted from the map's first pair, where no anchor and no candidate can have several of them:
    /// pairs of one of these may still be excluded. Null otherwise.
    /// </summary>
    internal long[]? PositiveDiagonals
        => PositiveRule.Diagonals is { Length: > 0 } offsets ? [.. offsets.Select(offset => offset + Part.FirstAnchor - Part.FirstCandidate)] : null;

    /// <summary>Whether positives are those of equal labels.</summary>
    internal bool HasLabels => PositiveRule is EqualityRule;

    /// <summary>The labels of anchors and candidates, if the map is made of labels; of a block those of the whole map.</summary>
    internal (Tensor Anchors, Tensor Candidates)? Labels => PositiveRule is EqualityRule rule ? (rule.Anchors, rule.Candidates) : null;

    /// <summary>The labels of this map's anchors, (n), and candidates, (m), of a block too; views, or the tensors themselves.</summary>
    internal (Tensor Anchors, Tensor Candidates)? LabelsOfPart
        => Labels is var (anchors, candidates) ? (Part.AnchorsOf(anchors), Part.CandidatesOf(candidates)) : null;

    /// <summary>Whether each row's pair with itself is excluded, and no other pair.</summary>
    internal bool ExcludesSelf => ExcludedRule is DiagonalRule { Offset: 0 };

    /// <summary>
    /// Whether the map says no more than labels do, of one set without its self-pairs or of two with all pairs; false for a block of such a
    /// map. Of one set a self-pair is always one of equal labels, of two it is not.
    /// </summary>
    internal bool IsLabelsAlone
        => Labels is var (anchors, candidates) && anchors.size(0) == AnchorCount && candidates.size(0) == CandidateCount
            && SameSampleRule is null && Bias is null && (ExcludedRule is null || (ExcludesSelf && ReferenceEquals(anchors, candidates)));

    /// <summary>The same pairs, all of them negatives.</summary>
    internal PairMap WithoutPositives() => new(this) { PositiveRule = new NoRule() };

    /// <summary>Whether the map was made for explicit negatives.</summary>
    internal bool HasNoPositives => PositiveRule is NoRule;

    /// <summary>Whether every pair (i, j) is known to be to its anchor what (j, i) is, in a set compared with itself.</summary>
    internal bool IsSymmetric => IsWhole && AnchorCount == CandidateCount
        && PositiveRule.IsSymmetric && ExcludedRule is not { IsSymmetric: false } && SameSampleRule is not { IsSymmetric: false }
        && Bias is not { IsSymmetric: false };

    /// <summary>
    /// The map as diagonals and a few pairs beside, counted from the map's first pair, where that is all there is to it: then no mask
    /// is needed. Null otherwise. With sample ids it waits for the device.
    /// </summary>
    internal DiagonalPattern? Diagonals(PositiveSampling sampling)
    {
        if (PositiveRule.Diagonals is not { } positive) return null;
        if (ExcludedRule is not null && ExcludedRule.Diagonals is null) return null;
        var left = ExcludedRule?.Diagonals ?? [];
        if (positive.Intersect(left).Any()) return null;
        // Only an anchor's own pair is there whatever was sampled.
        if (sampling == PositiveSampling.Sampled && positive.Any(offset => offset != 0)) return null;
        PairList? others = null;
        if (SameSampleRule is not null && (others = SameSampleRule.FewPairs([.. positive, .. left])) is null) return null;
        return new DiagonalPattern(positive, left, others is { IsEmpty: false } ? others : null)
            .Block(Part.FirstAnchor, Part.Anchors, Part.FirstCandidate, Part.Candidates);
    }

    /// <summary>The masks of a part of the map.</summary>
    /// <param name="part">Counted in this map.</param>
    /// <param name="sampling">How the positives came into the batch.</param>
    /// <param name="device">Where the masks are wanted.</param>
    internal PairMasks Masks(PairBlock part, PositiveSampling sampling, Device device)
    {
        var block = part.Within(Part);
        var positive = PositiveRule.Evaluate(block, device);
        var allowed = ExcludedRule?.Evaluate(block, device).logical_not();
        if (allowed is not null) positive = positive.logical_and(allowed);

        var negative = positive.logical_not();
        if (allowed is not null) negative = negative.logical_and(allowed);
        if (SameSampleRule is not null) negative = negative.logical_and(SameSampleRule.Evaluate(block, device).logical_not());
        if (sampling == PositiveSampling.Complete) return new PairMasks(positive, positive, negative);

        // An anchor's own candidate has the same number. Its other positives are sampled like the negatives.
        var own = positive.logical_and(new DiagonalRule().Evaluate(block, device));
        return new PairMasks(positive, own, positive.logical_or(negative).logical_and(own.logical_not()));
    }

    /// <summary>The largest number that the bias adds or takes away.</summary>
    internal double BiasBound() => Bias?.Bound() ?? 0;

    /// <summary>Adds the bias of a part of the map to its logits, in place.</summary>
    internal void AddBias(Tensor logits, PairBlock part) => Bias?.AddTo(logits, part.Within(Part));

    /// <summary>Refuses features that the map was not made for.</summary>
    internal void Check(Tensor anchors, Tensor candidates, string anchorName, string candidateName)
    {
        if (anchors.shape[0] != AnchorCount)
            throw new ArgumentException($"{anchorName} have {anchors.shape[0]} rows but the pair map has {AnchorCount} anchors", anchorName);
        if (candidates.shape[0] != CandidateCount)
            throw new ArgumentException(
                $"{candidateName} have {candidates.shape[0]} rows but the pair map has {CandidateCount} candidates", candidateName);

        CheckDevice(anchors, anchorName);
    }

    /// <summary>Refuses features on another device than the map's labels, ids and masks.</summary>
    internal void CheckDevice(Tensor anchors, string anchorName)
    {
        var sources = PositiveRule.Sources.Concat(ExcludedRule?.Sources ?? []).Concat(SameSampleRule?.Sources ?? []);
        foreach (var (tensor, name) in sources) Guard.SameDevice(anchors, tensor, anchorName, name);
        if (Bias is not null) Guard.SameDevice(anchors, Bias.Values, anchorName, "the values of the logit bias");
        foreach (var weights in new[] { Weights?.Anchors, Weights?.Candidates })
            if (weights is not null) Guard.SameDevice(anchors, weights, anchorName, "the weights of the anchors");
    }

    private PairMap WithExcluded(PairRule rule) => new(this) { ExcludedRule = Either(ExcludedRule, rule) };

    private static PairRule Either(PairRule? first, PairRule second) => first is null ? second : new EitherRule(first, second);

    private static void CheckVector(Tensor tensor, string name)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (tensor.dim() != 1)
            throw new ArgumentException($"{name} must have the shape (N) but have {Guard.Shape(tensor)}", name);
        Guard.Integers(tensor, tensor.shape[0], name);
    }

    // A block remembers where it lies in the whole; what is added later would be counted from the wrong place.
    private void CheckWhole()
    {
        if (!IsWhole)
            throw new InvalidOperationException("complete the pair map before taking a block of it");
    }

    private static void CheckRange(long first, long count, long total, string firstName, string countName)
    {
        if (first < 0 || first >= total)
            throw new ArgumentOutOfRangeException(firstName, first, $"{firstName} must lie in [0, {total - 1}] but is {first}");
        if (count < 1 || count > total - first)
            throw new ArgumentOutOfRangeException(countName, count, $"{countName} must lie in [1, {total - first}] but is {count}");
    }
}
