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
    private readonly PairMap _map;
    private readonly PositiveSampling _sampling;
    private readonly Tiling _tiling;
    private readonly double? _hardness;
    private readonly TargetRows? _targets;
    private readonly DiagonalPattern? _pattern;
    private readonly ProductRows? _rows;
    private TileMemory? _memory;
    private double? _biasBound;

    /// <param name="anchors">(N, D).</param>
    /// <param name="candidates">(M, D).</param>
    /// <param name="scale">1/τ.</param>
    /// <param name="map">What the pairs are to each other.</param>
    /// <param name="sampling">How several positives came into the batch.</param>
    /// <param name="reduced">Whether the loss is a sum or a mean; else it needs a graph of its own for each anchor.</param>
    /// <param name="tiling">How much may be formed at once.</param>
    /// <param name="ownGradient">Whether an input of the loss's own, which <see cref="Attach"/> is given, requires a gradient.</param>
    /// <param name="hardness">β of the negatives' weights; null where all count alike.</param>
    /// <param name="targets">What pairs weigh in the numerator; null where positives are all it has.</param>
    /// <param name="takesHalf">Whether half of a matrix that is its own transpose is enough.</param>
    public SimilarityMatrix(
        FeatureRows anchors,
        FeatureRows candidates,
        LogitScale scale,
        PairMap map,
        PositiveSampling sampling,
        bool reduced,
        Tiling tiling,
        bool ownGradient = false,
        double? hardness = null,
        TargetRows? targets = null,
        bool takesHalf = true)
    {
        (_hardness, _targets) = (hardness, targets);
        (Anchors, Candidates, _scale, _map, _sampling, _tiling) = (anchors, candidates, scale, map, sampling, tiling);
        if (hardness is null && targets is null) _pattern = map.Diagonals(sampling);
        var graph = is_grad_enabled();
        NeedsAnchors = graph && (anchors.RequiresGradient || scale.RequiresGradient);
        NeedsCandidates = graph && candidates.RequiresGradient;
        NeedsOwn = graph && ownGradient;
        IsWhole = TakesWhole(map, tiling) || (NeedsGradient && !reduced);
        if (IsWhole) return;

        var isSelf = takesHalf && ReferenceEquals(anchors.Features, candidates.Features) && map.IsSymmetric;
        if (isSelf) (Candidates, NeedsCandidates) = (anchors, false);
        _rows = new ProductRows(Anchors, Candidates, scale, isSelf, NeedsAnchors, NeedsCandidates);
    }

    /// <summary>Whether all rows are finite, so that they may reach an estimator's state. Waits for the device.</summary>
    public bool AreFinite
        => _rows is not null ? _rows.AreFinite : FeatureRows.AreFinite(Anchors.Features) && FeatureRows.AreFinite(Candidates.Features);

    public FeatureRows Anchors { get; }

    public FeatureRows Candidates { get; }

    /// <summary>The rows that are multiplied, where the matrix is gone through in tiles; else null.</summary>
    public ProductRows? Rows => _rows;

    /// <summary>Whether the matrix is formed at once and sums have a graph.</summary>
    public bool IsWhole { get; }

    /// <summary>The pairs as diagonals, where no masks are needed.</summary>
    public DiagonalPattern? Pattern => _pattern;

    /// <summary>Whether there is something to pull back.</summary>
    public bool NeedsPullBack => NeedsGradient && !IsWhole;

    /// <summary>Whether the whole matrix is asked for.</summary>
    public static bool TakesWhole(PairMap map, Tiling tiling) => map.AnchorCount * map.CandidateCount <= tiling.DensePairs;

    /// <summary>The sums over each anchor's candidates and, of two directions, over each candidate's anchors.</summary>
    public ContrastSums Sum(bool bothDirections)
        => IsWhole ? SumWhole(bothDirections) : SumTiles(0, _map.AnchorCount, bothDirections, keepAll: false);

    /// <summary>
    /// The sums of one direction, as many anchors at a time as keeps every tile for its pull-back: three products whatever the
    /// size, where a loss is a sum over anchors. A set with itself is one strip, of half the products. Pull each strip back before the next. Each has a dispose scope of its own.
    /// </summary>
    public IEnumerable<(long First, long Count, ContrastSums Sums)> Strips()
    {
        // Half of the products is more than what strips save.
        var strips = NeedsPullBack && !IsSelf;
        var rows = strips ? TilePlan.StripRows(_map.CandidateCount, _rows!.Right.dtype, _rows.Right.device, _tiling) : _map.AnchorCount;
        if (strips)
        {
            // In the caller's scope, which outlives those of the strips. No form of pairs takes more than three tiles beside.
            var plan = Plan(Math.Min(rows, _map.AnchorCount), scratch: 3);
            Memory(plan.Count + 3, plan);
        }
        foreach (var (first, count) in Runs.Of(_map.AnchorCount, rows))
        {
            using var strip = NewDisposeScope();
            yield return (first, count, strips ? SumTiles(first, count, bothDirections: false, keepAll: true) : Sum(bothDirections: false));
        }
    }

    /// <summary>s_ij of a matrix that is formed at once, (N, M), with its graph.</summary>
    public Tensor Similarities()
    {
        var logits = Products();
        _map.AddBias(logits, new PairBlock(0, _map.AnchorCount, 0, _map.CandidateCount));
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
        var plan = Plan(_map.AnchorCount, scratch + 1).KeepingNone();
        var memory = Memory(scratch + 1, plan);
        foreach (var block in plan.Tiles)
        {
            using var scope = NewDisposeScope();
            var tile = memory.Tile(0, block);
            tile.addmm_(block.AnchorsOf(_rows!.Left), block.CandidatesOf(_rows!.Right).t(), beta: 0, alpha: 1);
            _map.AddBias(tile, block);
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
    /// <param name="share">What all gradients are multiplied by.</param>
    /// <param name="own">The loss's own inputs, with their derivatives before <paramref name="share"/>.</param>
    public Tensor Attach(Tensor value, double share, params ReadOnlySpan<(Tensor Input, Tensor Derivative)?> own)
    {
        Release();
        return NeedsPullBack ? _rows!.Attach(value, share, own) : value;
    }

    /// <summary>Gives the tiles' memory back, where sums are all that is wanted; else <see cref="Attach"/> does.</summary>
    public void Release()
    {
        _memory?.Release();
        _memory = null;
    }

    /// <summary>Whether both sides are one set and its pairs are the same seen from either side: half of the matrix is the other half.</summary>
    private bool IsSelf => _rows is { IsSelf: true };

    private bool NeedsAnchors { get; }

    private bool NeedsCandidates { get; }

    private bool NeedsOwn { get; }

    private bool NeedsGradient => NeedsAnchors || NeedsCandidates || NeedsOwn;

    /// <summary>⟨a_i, b_j⟩ / τ, (N, M), with its graph and without the bias.</summary>
    private Tensor Products() => _scale.WithGraph(Anchors.WithGraph()).matmul(Candidates.WithGraph().t());

    private ContrastSums SumWhole(bool bothDirections)
    {
        var whole = new WholeMatrix(_map, _pattern, _sampling, _hardness, _targets);
        var logits = Products();
        // Up to here absolute logarithms have digits enough.
        var isSmall = Anchors.AreUnit && _scale.Bound <= 128 && !_map.HasLogitBias;
        return whole.Sum(logits, bothDirections, relative: !isSmall);
    }

    private ContrastSums SumTiles(long first, long count, bool bothDirections, bool keepAll)
    {
        using var constant = no_grad();
        var map = count == _map.AnchorCount ? _map : _map.Block(first, count, 0, _map.CandidateCount);
        var pattern = count == _map.AnchorCount ? _pattern : _pattern?.Block(first, count, 0, _map.CandidateCount);
        var a = PairBlock.Run(_rows!.Left, first, count);
        if (_hardness is { } beta) return Tiles(new HardNegativeTiles(map, beta))!;
        if (_targets is not null) return Tiles(new TargetTiles(map, _targets.Rows(first, count)))!;

        var bound = Bound(a);
        var exponents = Exponents.For(bound, Math.Max(map.AnchorCount, map.CandidateCount), a.dtype);
        // Strips are not gone back to, and masks need every sum in full.
        if (exponents is { Lowest: > 0 } && (keepAll || pattern is null)) exponents = null;

        return Tiles(Form(exponents)) ?? Tiles(Form(null))!;

        ITilePairs Form(Exponents? form) => pattern is null ? new MaskedTiles(map, _sampling, form) : new DiagonalTiles(map, pattern, form);

        ContrastSums? Tiles(ITilePairs pairs)
        {
            var plan = Plan(count, pairs.Scratch + 1);
            plan = !NeedsGradient ? plan.KeepingNone() : keepAll ? plan.KeepingAll() : plan;
            var tiles = new TiledMatrix(a, _rows!.Right, map, pairs, plan, Memory(TiledMatrix.Tiles(plan, pairs), plan), IsSelf);
            return tiles.Sum(bothDirections) is var (anchors, candidates)
                ? new ContrastSums(
                    anchors,
                    candidates,
                    (byAnchors, byCandidates) =>
                    {
                        if (NeedsGradient) tiles.PullBack(byAnchors, byCandidates, _rows!.ByLeft is null ? null : PairBlock.Run(_rows!.ByLeft, first, count), _rows!.ByRight);
                    })
                : null;
        }
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
            : TilePlan.Of(anchors, _map.CandidateCount, _rows!.Right.dtype, _rows.Right.device, _tiling, scratch);

    /// <summary>The largest |s| there can be. Of cosines it is 1/τ and the bias; else it waits for the device.</summary>
    private double Bound(Tensor a)
    {
        var similarity = !Anchors.AreUnit ? FeatureRows.Longest(a) * FeatureRows.Longest(_rows!.Right)
            : Exponents.For(_scale.Bound, _map.CandidateCount, a.dtype) is { Shift: 0 } ? _scale.Bound : _scale.Value;
        return similarity + (_biasBound ??= _map.BiasBound());
    }
}

/// <summary>The sums of one direction or both, and the way back.</summary>
/// <param name="Anchors">Of each anchor over its candidates.</param>
/// <param name="Candidates">Of each candidate over the anchors, if asked for.</param>
/// <param name="PullBack">
/// From the derivatives by the sums to gradients of the features, which are added to the matrix's. Once. It does nothing where sums
/// have a graph.
/// </param>
internal sealed record ContrastSums(PairSums Anchors, PairSums? Candidates, Action<SumDerivatives, SumDerivatives?> PullBack);
