using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// The scores of all rows of one side with all of another, which retrieval, neighbours and zero-shot classes stand on: tiles by one
/// matrix product in the dtype of the features, how far off those may be, and the exact scores, in float64, of what that leaves in doubt.
/// </summary>
/// <remarks>
/// Two scores tie where they lie no further apart than rounding of the features can put them: each entry was rounded by half an ε, which
/// is ε ‖x‖ ‖y‖ for a score and twice that for two (of half a squared distance s, 2 ε s). Half of it is each score's <see cref="Slack"/>.
/// </remarks>
internal sealed class RowScores
{
    private const long BlockElements = 1 << 21;

    private readonly NeighborSimilarity _similarity;
    private readonly ScoredRows _left;
    private readonly ScoredRows _right;
    private readonly double _rounding;
    private readonly double _tie;
    private readonly double _longest;
    private readonly Tensor? _halfSquares;
    private readonly double[] _leftHalfSquares = [];
    private readonly double[] _leftCentred = [];

    /// <param name="left">(N, D), as given; any floating-point dtype.</param>
    /// <param name="right">(M, D), likewise.</param>
    /// <param name="similarity">What a score is: higher is nearer.</param>
    /// <param name="allExact">Whether only <see cref="ExactTile"/> will be asked for.</param>
    public RowScores(Tensor left, Tensor right, NeighborSimilarity similarity, bool allExact = false)
    {
        _similarity = similarity;
        // As the squares of very large features overflow and those of very small ones vanish, all are scaled by one power of two.
        double scale = similarity.IsCosine ? 1 : ScoredRows.PowerOfTwo(left, right);
        Factor = 1 / scale / scale;
        var centre = similarity.IsEuclidean ? Centre(right, scale) : null;
        _right = new ScoredRows(right, similarity, scale, centre, allExact);
        _left = ReferenceEquals(left, right) ? _right : new ScoredRows(left, similarity, scale, centre, allExact);
        _rounding = Rounding(_left.Columns, UnitRows.ComputeType(left.dtype));
        _tie = TieTolerance(_left.Columns, UnitRows.ComputeType(left.dtype));
        _longest = Enumerable.Range(0, (int)_right.Count).Max(row => _right.LengthOf(row));
        if (!similarity.IsEuclidean)
            return;
        _halfSquares = _right.Rows.norm(1, keepdim: false, 2).Square().mul_(Scalars.Half).neg_();
        _leftHalfSquares = ScoredRows.Doubles(_left.Rows.norm(1, keepdim: false, 2).to_type(ScalarType.Float64).Square().mul_(Scalars.Half));
        _leftCentred = [.. _leftHalfSquares.Select(half => Math.Sqrt(2 * half))];
    }

    private RowScores(RowScores other)
    {
        if (other._similarity.IsEuclidean)
            throw new InvalidOperationException("distances are asked for in one direction");
        _similarity = other._similarity;
        (_left, _right) = (other._right, other._left);
        (_rounding, _tie, Factor) = (other._rounding, other._tie, other.Factor);
        _longest = Enumerable.Range(0, (int)_right.Count).Max(row => _right.LengthOf(row));
    }

    /// <summary>N.</summary>
    public long Rows => _left.Count;

    /// <summary>M.</summary>
    public long Columns => _right.Count;

    /// <summary>What a score is to be multiplied by to get that of the rows as given; may be infinite or zero.</summary>
    public double Factor { get; }

    /// <summary>Whether tiles are float64 (else float32).</summary>
    public bool AreDouble => _left.AreExact;

    /// <summary>Whether all scores have the same <see cref="Slack"/>.</summary>
    public bool SameSlack => _similarity.IsCosine;

    /// <summary>How far apart two cosines of features of this width and dtype may lie that are equal on paper, worked out in float64.</summary>
    public static double TieTolerance(long columns, ScalarType type) => (2 * Epsilon(type)) + Rounding(columns, ScalarType.Float64);

    /// <summary>The distance from 1 to the next number of float64 or float32.</summary>
    public static double Epsilon(ScalarType type)
        => type == ScalarType.Float64 ? double.BitIncrement(1) - 1 : float.BitIncrement(1) - 1;

    /// <summary>The same scores, seen from the other side.</summary>
    public RowScores Transposed() => new(this);

    /// <summary>The scores of two runs of rows, on the features' device, less <see cref="Offset"/>.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="into">Where they go, of at least so many rows and just so many columns; what is allocated anew each time costs time.</param>
    public Tensor Tile((long First, long Count) rows, (long First, long Count) columns, Tensor into)
    {
        var a = _left.Rows.narrow(0, rows.First, rows.Count);
        var b = _right.Rows.narrow(0, columns.First, columns.Count);
        var tile = into.narrow(0, 0, rows.Count);
        // -½‖a - b‖² = ⟨a, b⟩ - ½‖b‖² - ½‖a‖², the last being the same for all of a row.
        if (_halfSquares is not null)
            tile.copy_(_halfSquares.narrow(0, columns.First, columns.Count).expand_as(tile));
        return tile.addmm_(a, b.t(), beta: _halfSquares is null ? 0 : 1, alpha: 1);
    }

    /// <summary>Memory for tiles.</summary>
    public Tensor MakeTile(long rows, long columns) => empty(rows, columns, dtype: _left.Rows.dtype, device: _left.Rows.device);

    /// <summary>What is to be added to a row's scores in a tile.</summary>
    public double Offset(long row) => _halfSquares is null ? 0 : -_leftHalfSquares[row];

    /// <summary>The scores of one row with some of the other side, in float64.</summary>
    public void Exact(long row, ReadOnlySpan<int> columns, Span<double> scores) => _left.Score(row, _right, columns, scores);

    /// <summary>The scores of two runs of rows, (rows, columns) float64 on the CPU.</summary>
    public Tensor ExactTile((long First, long Count) rows, (long First, long Count) columns)
    {
        using var scope = NewDisposeScope();
        long size = Chunks.Size(null, _left.Columns, BlockElements);
        var a = _left.Exact(rows.First, rows.Count);
        var scores = empty(rows.Count, columns.Count, dtype: ScalarType.Float64, device: a.device);
        foreach (var (column, width) in Runs.Of(columns.Count, size))
        {
            using var block = NewDisposeScope();
            var b = _right.Exact(columns.First + column, width);
            scores.narrow(1, column, width).copy_(_halfSquares is null ? a.matmul(b.t()) : HalfSquaredDistances(a, b));
        }

        return scores.cpu().MoveToOuterDisposeScope();
    }

    /// <summary>How far off any score of a row in a tile may be, of those that are at least <paramref name="least"/>.</summary>
    public double Doubt(long row, double least) => _similarity switch
    {
        { IsCosine: true } => _rounding,
        { IsDotProduct: true } => _rounding * _left.LengthOf(row) * _longest,
        // One so near is no further from the centre than the row itself and the distance together.
        _ => _rounding / 2 * Square((2 * _leftCentred[row]) + Math.Sqrt(Math.Max(0, -2 * least))),
    };

    /// <summary>A score's half of how far it and another may lie apart and still tie.</summary>
    public double Slack(long row, long column, double score) => _similarity switch
    {
        { IsCosine: true } => _tie / 2,
        { IsDotProduct: true } => _tie / 2 * _left.LengthOf(row) * _right.LengthOf(column),
        _ => double.IsInfinity(score) ? 0 : _tie * -score,
    };

    /// <summary>The most that <see cref="Slack"/> is for scores of a row near one.</summary>
    public double WidestSlack(long row, double score) => _similarity switch
    {
        { IsCosine: true } => _tie / 2,
        { IsDotProduct: true } => _tie / 2 * _left.LengthOf(row) * _longest,
        _ => _tie * -score,
    };

    /// <summary>
    /// How far off a product of vectors of length 1 may be. It adds in an order that depends on where in the tile an entry lies, so copies
    /// of one vector do not get bit-equal scores; each is off by D u at worst (u = ε/2 the unit roundoff; Higham, Accuracy and Stability
    /// of Numerical Algorithms, §3.1), and the length of a normalised row by a few ε more. It is a bound, far above what is found.
    /// </summary>
    private static double Rounding(long columns, ScalarType type) => ((columns / 2.0) + 4) * Epsilon(type);

    private static double Square(double value) => value * value;

    /// <summary>From differences: a matrix product would lose the digits of rows that are near each other.</summary>
    private static Tensor HalfSquaredDistances(Tensor a, Tensor b)
        => cdist(a, b, 2, compute_mode.donot_use_mm_for_euclid_dist).Square().mul_(Scalars.Half).neg_();

    private static Tensor Centre(Tensor features, double scale)
    {
        using var scope = NewDisposeScope();
        var sum = zeros(features.shape[1], dtype: ScalarType.Float64);
        foreach (var (first, count) in Runs.Of(features.shape[0], Chunks.Size(null, features.shape[1], BlockElements)))
        {
            using var run = NewDisposeScope();
            sum.add_(UnitRows.Widen(features.narrow(0, first, count)).Times(scale).cpu().to_type(ScalarType.Float64).sum(dim: 0), Scalars.One);
        }

        return sum.Times(1.0 / features.shape[0]).to_type(UnitRows.ComputeType(features.dtype)).to(features.device).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// How near a row is to another, as neighbours are chosen: by a <see cref="SimilarityMeasure"/> of the core, which stands for it as it
/// is, or by <see cref="Euclidean"/> distance. Higher is nearer. The default is the cosine.
/// </summary>
/// <example>
/// <code>
/// Hubness.Within(features, similarity: SimilarityMeasure.DotProduct);
/// Hubness.Within(features, similarity: NeighborSimilarity.Euclidean);
/// </code>
/// </example>
public readonly record struct NeighborSimilarity
{
    private readonly SimilarityMeasure _measure;

    private NeighborSimilarity(SimilarityMeasure measure, bool isEuclidean = false) => (_measure, IsEuclidean) = (measure, isEuclidean);

    /// <summary>
    /// -‖x - y‖²/2, minus half the squared Euclidean distance. For rows of length 1 it is the cosine less 1, and so gives the
    /// same neighbours with the same weights.
    /// </summary>
    public static NeighborSimilarity Euclidean { get; } = new(default, isEuclidean: true);

    internal bool IsEuclidean { get; }

    internal bool IsCosine => !IsEuclidean && _measure == SimilarityMeasure.Cosine;

    internal bool IsDotProduct => !IsEuclidean && !IsCosine;

    /// <summary>By a similarity of the core.</summary>
    /// <param name="measure">Which.</param>
    public static implicit operator NeighborSimilarity(SimilarityMeasure measure) => new(measure);

    /// <summary>Its name.</summary>
    /// <returns>The name.</returns>
    public override string ToString() => IsEuclidean ? nameof(Euclidean) : $"{_measure}";

    /// <summary>Refuses a measure that the core does not define.</summary>
    internal void Check() => Guard.Defined(_measure, "similarity");
}
