using System.Diagnostics;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The similarities of anchors with candidates, s_ij = ⟨a_i, b_j⟩ / τ (+ bias): a loss asks for <see cref="Sum"/> of them, works
/// out its value and its derivatives by the sums, pulls those back, and gets a tensor that autograd knows from
/// <see cref="Attach"/>. What it makes is in the caller's dispose scope.
/// </summary>
/// <remarks>
/// Where it is asked for, and without reduction, the whole matrix is formed, with a graph: the sums have it, and there is nothing to pull
/// back. Else there are tiles: memory O((N + M) D) and a budget, and the gradient is worked out together with the value, only what inputs need of it.
/// </remarks>
internal sealed class SimilarityMatrix
{
    private readonly LogitScale _scale;
    private readonly PairTerms _pairs;
    private readonly Tiling _tiling;
    private readonly ProductRows? _rows;
    private readonly bool _needsGradient;
    private TileMemory? _memory;
    private double? _biasBound;

    private SimilarityMatrix(
        FeatureRows anchors, FeatureRows candidates, LogitScale scale, PairTerms pairs, Tiling tiling, ProductRows? rows, bool needsGradient)
        => (Anchors, Candidates, _scale, _pairs, _tiling, _rows, _needsGradient) = (anchors, candidates, scale, pairs, tiling, rows, needsGradient);

    /// <summary>The matrix of two sets of rows, or of one with itself.</summary>
    /// <param name="anchors">(N, D).</param>
    /// <param name="candidates">(M, D).</param>
    /// <param name="scale">1/τ.</param>
    /// <param name="pairs">What the pairs are to each other.</param>
    /// <param name="tiling">How much may be formed at once.</param>
    /// <param name="reduced">Whether the loss is a sum or a mean; else it needs a graph of its own for each anchor.</param>
    /// <param name="ownGradient">Whether an input of the loss's own, which <see cref="Attach"/> is given, requires a gradient.</param>
    /// <param name="takesHalf">Whether half of a matrix that is its own transpose is enough.</param>
    public static SimilarityMatrix Of(
        FeatureRows anchors,
        FeatureRows candidates,
        LogitScale scale,
        PairTerms pairs,
        Tiling tiling,
        bool reduced = true,
        bool ownGradient = false,
        bool takesHalf = true)
    {
        var graph = is_grad_enabled();
        var needsLeft = graph && (anchors.RequiresGradient || scale.RequiresGradient);
        var needsRight = graph && candidates.RequiresGradient;
        var needsGradient = needsLeft || needsRight || (graph && ownGradient);
        if (TakesWhole(pairs.Map, tiling) || (needsGradient && !reduced)) return new(anchors, candidates, scale, pairs, tiling, null, needsGradient);

        var isSelf = takesHalf && ReferenceEquals(anchors.Features, candidates.Features) && pairs.Map.IsSymmetric;
        if (isSelf) (candidates, needsRight) = (anchors, false);
        var rows = new ProductRows(anchors, candidates, scale, isSelf, needsLeft, needsRight);
        return new(anchors, candidates, scale, pairs, tiling, rows, needsGradient);
    }

    /// <summary>Whether all rows are finite, so that they may reach an estimator's state. Waits for the device.</summary>
    public bool AreFinite
        => _rows is not null ? _rows.AreFinite : FeatureRows.AreFinite(Anchors.Features) && FeatureRows.AreFinite(Candidates.Features);

    public FeatureRows Anchors { get; }

    public FeatureRows Candidates { get; }

    /// <summary>The rows that are multiplied, where the matrix is gone through in tiles; else null.</summary>
    public ProductRows? Rows => _rows;

    /// <summary>Whether the matrix is formed at once and sums have a graph.</summary>
    public bool IsWhole => _rows is null;

    /// <summary>The pairs as diagonals, where no masks are needed.</summary>
    public DiagonalPattern? Pattern => _pairs.Pattern;

    /// <summary>Whether there is something to pull back.</summary>
    public bool NeedsPullBack => _needsGradient && !IsWhole;

    /// <summary>Whether the whole matrix is asked for.</summary>
    public static bool TakesWhole(PairMap map, Tiling tiling) => map.AnchorCount * map.CandidateCount <= tiling.DensePairs;

    /// <summary>The sums over each anchor's candidates and, of two directions, over each candidate's anchors.</summary>
    /// <param name="bothDirections">Whether there are two.</param>
    /// <param name="strip">The anchors, the first and how many; null for all of them.</param>
    public ContrastSums Sum(bool bothDirections, (long First, long Count)? strip = null)
    {
        if (_rows is null) return SumWhole(bothDirections);
        using var constant = no_grad();
        var (first, count) = strip ?? (0, _pairs.Map.AnchorCount);
        var pairs = _pairs.Rows(first, count);
        var left = PairBlock.Run(_rows.Left, first, count);
        foreach (var form in Forms(pairs, left, isStrip: strip is not null))
        {
            var plan = Plan(count, form.Scratch + 1);
            plan = !_needsGradient ? plan.KeepingNone() : strip is not null ? plan.KeepingAll() : plan;
            var tiles = new TiledMatrix(left, _rows.Right, pairs.Map, form, plan, Memory(TiledMatrix.Tiles(plan, form), plan), _rows.IsSelf);
            if (tiles.Sum(bothDirections) is not var (anchors, candidates)) continue;
            var byLeft = _rows.ByLeft is null ? null : PairBlock.Run(_rows.ByLeft, first, count);
            return new ContrastSums(anchors, candidates, _needsGradient ? tiles : null, byLeft, _rows.ByRight);
        }
        throw new UnreachableException("the last form takes any similarities");
    }

    /// <summary>
    /// The sums of one direction, as many anchors at a time as keeps every tile for its pull-back: three products whatever the
    /// size, where a loss is a sum over anchors. A set with itself is one strip, of half the products. Pull each strip back before the next. Each has a dispose scope of its own.
    /// </summary>
    public IEnumerable<(long First, long Count, ContrastSums Sums)> Strips()
    {
        // Half of the products is more than what strips save.
        var strips = NeedsPullBack && !IsSelf;
        var rows = strips ? TilePlan.StripRows(_pairs.Map.CandidateCount, _rows!.Right.dtype, _rows.Right.device, _tiling) : _pairs.Map.AnchorCount;
        if (strips)
        {
            // In the caller's scope, which outlives those of the strips. No form of pairs takes more than three tiles beside.
            var plan = Plan(Math.Min(rows, _pairs.Map.AnchorCount), scratch: 3);
            Memory(plan.Count + 3, plan);
        }
        foreach (var (first, count) in Runs.Of(_pairs.Map.AnchorCount, rows))
        {
            using var strip = NewDisposeScope();
            yield return (first, count, Sum(bothDirections: false, strips ? (first, count) : null));
        }
    }

    /// <summary>s_ij of a matrix that is formed at once, (N, M), with its graph.</summary>
    public Tensor Similarities()
    {
        var logits = Products();
        _pairs.Map.AddBias(logits, new PairBlock(0, _pairs.Map.AnchorCount, 0, _pairs.Map.CandidateCount));
        return logits;
    }

    /// <summary>
    /// Goes through the tiles once, for a loss that is a sum over pairs: three products, and no tile is kept or computed twice.
    /// </summary>
    /// <param name="scratch">How many tiles of memory are needed beside the one at hand.</param>
    /// <param name="differentiate">
    /// Takes a tile of similarities, where it lies and the scratch beside it; where something is to be pulled back it leaves ∂L/∂s in
    /// the tile.
    /// </param>
    public void ForEachTile(int scratch, Action<Tensor, PairBlock, Tensor[]> differentiate)
    {
        using var constant = no_grad();
        var plan = Plan(_pairs.Map.AnchorCount, scratch + 1).KeepingNone();
        var memory = Memory(scratch + 1, plan);
        foreach (var block in plan.Tiles)
        {
            using var scope = NewDisposeScope();
            var tile = memory.Tile(0, block);
            tile.addmm_(block.AnchorsOf(_rows!.Left), block.CandidatesOf(_rows!.Right).t(), beta: 0, alpha: 1);
            _pairs.Map.AddBias(tile, block);
            differentiate(tile, block, [.. Enumerable.Range(1, scratch).Select(index => memory.Tile(index, block))]);
            if (_rows!.ByLeft is not null) block.AnchorsOf(_rows!.ByLeft).addmm_(tile, block.CandidatesOf(_rows!.Right));
            if (_rows!.ByRight is not null) block.CandidatesOf(_rows!.ByRight).addmm_(tile.t(), block.AnchorsOf(_rows!.Left));
        }
    }

    /// <summary>
    /// A value with the gradients that were pulled back, and those by a loss's own inputs: <see cref="ProductRows.Attach"/>. Where there
    /// was nothing to pull back, the value as it is: it has its graph, if any.
    /// </summary>
    /// <param name="value">(), without a graph where there was something to pull back.</param>
    /// <param name="share">What value and gradients are multiplied by.</param>
    /// <param name="own">The loss's own inputs, with the derivatives of <paramref name="value"/> by them.</param>
    public Tensor Attach(Tensor value, double share, params ReadOnlySpan<(Tensor Input, Tensor Derivative)?> own)
    {
        Release();
        return NeedsPullBack ? _rows!.Attach(value, share, own) : share == 1 ? value : value.Times(share);
    }

    /// <summary>Σ ⟨x, g⟩ over the inputs x and their gradients g, (1), as an input of another loss whose derivative by it is 1.</summary>
    public Tensor Term()
    {
        Release();
        return _rows!.Term();
    }

    /// <summary>Gives the tiles' memory back, where sums are all that is wanted; else <see cref="Attach"/> does.</summary>
    public void Release()
    {
        _memory?.Release();
        _memory = null;
    }

    /// <summary>Whether both sides are one set and its pairs are the same seen from either side: half of the matrix is the other half.</summary>
    private bool IsSelf => _rows is { IsSelf: true };

    /// <summary>⟨a_i, b_j⟩ / τ, (N, M), with its graph and without the bias.</summary>
    private Tensor Products() => _scale.WithGraph(Anchors.WithGraph()).matmul(Candidates.WithGraph().t());

    private ContrastSums SumWhole(bool bothDirections)
    {
        var logits = Products();
        // Up to here absolute logarithms have digits enough.
        var isSmall = Anchors.AreUnit && Candidates.AreUnit && _scale.Bound <= 128 && !_pairs.Map.HasLogitBias;
        return new WholeMatrix(_pairs).Sum(logits, bothDirections, relative: !isSmall);
    }

    /// <summary>The forms of the pairs to try, the fastest first: where exponentials underflow, the next one has logarithms.</summary>
    private IEnumerable<ITilePairs> Forms(PairTerms pairs, Tensor left, bool isStrip)
    {
        if (pairs.Hardness is { } beta) yield return new MaskedTiles(pairs.Map, pairs.Sampling, null, beta);
        else if (pairs.Targets is { } targets) yield return new TargetTiles(pairs.Map, targets);
        else
        {
            var exponents = Exponents.For(Bound(left), Math.Max(pairs.Map.AnchorCount, pairs.Map.CandidateCount), left.dtype);
            // Strips are not gone back to, and masks need every sum in full.
            if (exponents is { Lowest: > 0 } && (isStrip || pairs.Pattern is null)) exponents = null;
            if (exponents is not null) yield return Form(exponents);
            yield return Form(null);
        }

        ITilePairs Form(Exponents? form)
            => pairs.Pattern is { } pattern ? new DiagonalTiles(pairs.Map, pattern, form) : new MaskedTiles(pairs.Map, pairs.Sampling, form);
    }

    /// <summary>Room for tiles: what there is, if it does, so that strips and second tries share it.</summary>
    private TileMemory Memory(long tiles, TilePlan plan)
    {
        if (_memory is not null && _memory.Holds(tiles, plan)) return _memory;
        _memory?.Release();
        return _memory = new TileMemory(tiles, plan, _rows!.Right);
    }

    private TilePlan Plan(long anchors, int scratch)
        => IsSelf
            ? TilePlan.OfSelf(anchors, _rows!.Right.dtype, _rows.Right.device, _tiling, scratch)
            : TilePlan.Of(anchors, _pairs.Map.CandidateCount, _rows!.Right.dtype, _rows.Right.device, _tiling, scratch);

    /// <summary>The largest |s| there can be. Of cosines it is 1/τ and the bias; else it waits for the device.</summary>
    private double Bound(Tensor a)
    {
        var similarity = !(Anchors.AreUnit && Candidates.AreUnit) ? FeatureRows.Longest(a) * FeatureRows.Longest(_rows!.Right)
            : Exponents.For(_scale.Bound, _pairs.Map.CandidateCount, a.dtype) is { Shift: 0 } ? _scale.Bound : _scale.Value;
        return similarity + (_biasBound ??= _pairs.Map.BiasBound());
    }
}

/// <summary>The sums of one direction or both, and the way back.</summary>
/// <param name="anchors">Of each anchor over its candidates.</param>
/// <param name="candidates">Of each candidate over the anchors, if asked for.</param>
/// <param name="tiles">Whence they are; null where sums have a graph, or no gradient is wanted.</param>
/// <param name="byLeft">Where the gradient of the anchors' rows is added up; null where it is not wanted.</param>
/// <param name="byRight">Where that of the candidates' is.</param>
internal sealed class ContrastSums(PairSums anchors, PairSums? candidates, TiledMatrix? tiles = null, Tensor? byLeft = null, Tensor? byRight = null)
{
    public PairSums Anchors => anchors;

    public PairSums? Candidates => candidates;

    /// <summary>
    /// From the derivatives by the sums to gradients of the rows, which are added to the matrix's. Once. Nothing where there is nothing to
    /// pull back.
    /// </summary>
    public void PullBack(SumDerivatives byAnchors, SumDerivatives? byCandidates) => tiles?.PullBack(byAnchors, byCandidates, byLeft, byRight);
}

/// <summary>What the pairs of a matrix are to each other, and what that makes of the sums.</summary>
/// <param name="Map">Which pair is what.</param>
/// <param name="Sampling">How several positives came into the batch.</param>
/// <param name="Hardness">β of the negatives' weights; null where all count alike.</param>
/// <param name="Targets">What pairs weigh in the numerator; null where positives are all it has.</param>
internal sealed record PairTerms(
    PairMap Map, PositiveSampling Sampling = PositiveSampling.Complete, double? Hardness = null, TargetRows? Targets = null)
{
    /// <summary>The pairs as diagonals, where no masks are needed.</summary>
    public DiagonalPattern? Pattern { get; private init; } = Hardness is null && Targets is null ? Map.Diagonals(Sampling) : null;

    /// <summary>Those of a run of anchors with all candidates.</summary>
    public PairTerms Rows(long first, long count) => count == Map.AnchorCount ? this : this with
    {
        Map = Map.Block(first, count, 0, Map.CandidateCount),
        Targets = Targets?.Rows(first, count),
        Pattern = Pattern?.Block(first, count, 0, Map.CandidateCount),
    };
}
