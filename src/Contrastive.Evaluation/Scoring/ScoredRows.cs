using System.Numerics;
using System.Runtime.InteropServices;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// The rows of one side of a comparison, in two forms: prepared once in the dtype that matrix products run in, which is fast; and as
/// given, for the scores that the first form leaves in doubt, which are worked out in float64.
/// </summary>
internal sealed class ScoredRows
{
    /// <summary>Rows in float64 are kept where they are no more numbers than this; else they are made anew for each use.</summary>
    private const long KeptElements = 1 << 25;

    private readonly Tensor _given;
    private readonly NeighborSimilarity _similarity;
    private readonly HostRows _host;
    private readonly Tensor? _exact;

    /// <param name="given">(N, D), any floating-point dtype; kept, not copied.</param>
    /// <param name="similarity">What they are compared by.</param>
    /// <param name="scale">What rows that keep their length are multiplied by: a power of two, which rounds nothing.</param>
    /// <param name="centre">For distances, what to subtract from prepared rows, (D): far from the origin a product loses digits.</param>
    /// <param name="allExact">Whether every score is wanted in float64: nothing else is prepared.</param>
    public ScoredRows(Tensor given, NeighborSimilarity similarity, double scale = 1, Tensor? centre = null, bool allExact = false)
    {
        given = given.detach();
        _given = scale == 1 ? given : UnitRows.Widen(given).Times(scale);
        _similarity = similarity;
        if (!allExact || AreExact)
            Rows = Prepared(centre);
        // Squares of float32 neither overflow nor vanish in float64; those of float64 do.
        _host = new HostRows(IsCosine && AreExact ? Rows : UnitRows.Widen(_given));
        Lengths = _host.Lengths();
        if (allExact && Count * Columns <= KeptElements)
            _exact = MakeAll();
    }

    /// <summary>N.</summary>
    public long Count => _given.shape[0];

    /// <summary>D.</summary>
    public long Columns => _given.shape[1];

    /// <summary>Whether products run in float64 already: there is nothing more exact.</summary>
    public bool AreExact => _given.dtype == ScalarType.Float64;

    /// <summary>(N, D), as products use them: half precision in float32; of length 1 for cosines.</summary>
    public Tensor Rows { get; } = null!;

    /// <summary>The length of each row as given (times the scale), in float64.</summary>
    public double[] Lengths { get; }

    private bool IsCosine => _similarity.IsCosine;

    /// <summary>The length of a row as it is compared. A zero row among unit rows counts as one of length 1: its ties are not to depend on the rounding of the others.</summary>
    public double LengthOf(long row) => IsCosine ? 1 : Lengths[row];

    /// <summary>Rows at length 1, half precision widened. A zero row stays zero.</summary>
    public static Tensor Unit(Tensor features)
    {
        using var scope = NewDisposeScope();
        var wide = UnitRows.Widen(features);
        // Divided by the largest entry first, so that no square overflows or vanishes.
        var largest = wide.norm(1, keepdim: true, float.PositiveInfinity);
        return UnitRows.Of(wide.div(largest.masked_fill_(largest.eq(Scalars.Zero), Scalars.One))).MoveToOuterDisposeScope();
    }

    /// <summary>Rows at length 1, or as given.</summary>
    public static Tensor Prepare(Tensor features, bool normalize) => normalize ? Unit(features) : UnitRows.Widen(features);

    /// <summary>The power of two that brings the largest of all entries into [1, 2), or near; 1 where all are zero.</summary>
    public static double PowerOfTwo(params Tensor[] features)
    {
        using var scope = NewDisposeScope();
        double largest = features.Max(matrix => UnitRows.Widen(matrix).abs().max().to_type(ScalarType.Float64).item<double>());
        int limit = features[0].dtype == ScalarType.Float64 ? 1022 : 126;
        return largest == 0 ? 1 : Math.ScaleB(1, -Math.Clamp(Math.ILogB(largest), -limit, limit));
    }

    /// <summary>Consecutive rows in float64 as they are compared, on a device that knows it.</summary>
    public Tensor Exact(long first, long count) => _exact?.narrow(0, first, count) ?? MakeExact(first, count);

    /// <summary>The scores of one row with some rows of the other side, in float64.</summary>
    /// <param name="row">The row.</param>
    /// <param name="others">The other side.</param>
    /// <param name="places">Its rows.</param>
    /// <param name="scores">Where the scores go.</param>
    public void Score(long row, ScoredRows others, ReadOnlySpan<int> places, Span<double> scores)
    {
        if (AreExact)
            ScoreIn<double>(row, others, places, scores);
        else
            ScoreIn<float>(row, others, places, scores);
    }

    private void ScoreIn<T>(long row, ScoredRows others, ReadOnlySpan<int> places, Span<double> scores)
        where T : unmanaged
    {
        var own = _host.Block<T>(row)[_host.Within(row)];
        ReadOnlySpan<T> block = default;
        long current = -1;
        for (int i = 0; i < places.Length; i++)
        {
            if (others._host.BlockOf(places[i]) != current)
            {
                current = others._host.BlockOf(places[i]);
                block = others._host.Block<T>(places[i]);
            }

            var other = block[others._host.Within(places[i])];
            scores[i] = _similarity switch
            {
                { IsEuclidean: true } => -ExactSums.SquaredDistance(own, other) / 2,
                { IsDotProduct: true } => ExactSums.Dot(own, other),
                _ => Cosine(ExactSums.Dot(own, other), Lengths[row], others.Lengths[places[i]]),
            };
        }
    }

    private static double Cosine(double product, double length, double otherLength)
        => length == 0 || otherLength == 0 ? 0 : product / length / otherLength;

    private Tensor Prepared(Tensor? centre)
    {
        if (IsCosine)
            return Unit(_given);
        var rows = UnitRows.Widen(_given);
        return centre is null ? rows : rows - centre;
    }

    private Tensor MakeAll()
    {
        using var scope = NewDisposeScope();
        Tensor? all = null;
        foreach (var (first, count) in Runs.Of(Count, Chunks.Size(null, Columns, elements: 1 << 21)))
        {
            using var run = NewDisposeScope();
            var rows = MakeExact(first, count);
            all ??= empty(Count, Columns, dtype: ScalarType.Float64, device: rows.device).MoveToOuterDisposeScope();
            all.narrow(0, first, count).copy_(rows);
        }

        return all!.MoveToOuterDisposeScope();
    }

    private Tensor MakeExact(long first, long count)
    {
        using var scope = NewDisposeScope();
        var rows = Exact(_given.narrow(0, first, count));
        return (IsCosine ? Unit(rows) : rows).MoveToOuterDisposeScope();
    }

    /// <summary>In float64, on the CPU where the device does not know it.</summary>
    public static Tensor Exact(Tensor tensor)
        => (tensor.device_type == DeviceType.MPS ? tensor.cpu() : tensor).to_type(ScalarType.Float64);

    /// <summary>The sum of a vector in float64. The vector goes to the CPU: not every device knows float64.</summary>
    public static double Sum(Tensor vector) => vector.cpu().to_type(ScalarType.Float64).sum(dim: 0).item<double>();

    /// <summary>A tensor's numbers.</summary>
    public static double[] Doubles(Tensor tensor) => tensor.cpu().to_type(ScalarType.Float64).data<double>().ToArray();

    /// <summary>A matrix on the CPU, float32 or float64, of any size: a span holds no more than 2³¹ bytes.</summary>
    private sealed class HostRows
    {
        private const long BlockBytes = 1L << 30;

        private readonly Tensor[] _blocks;
        private readonly long _rowsPerBlock;
        private readonly int _columns;
        private readonly bool _isDouble;
        private readonly long _count;

        public HostRows(Tensor rows)
        {
            var host = rows.cpu().contiguous();
            (_count, _columns, _isDouble) = (host.shape[0], (int)host.shape[1], host.dtype == ScalarType.Float64);
            _rowsPerBlock = Math.Max(1, BlockBytes / (_columns * (_isDouble ? 8L : 4L)));
            _blocks = [.. Runs.Of(_count, _rowsPerBlock).Select(run => host.narrow(0, run.First, run.Count))];
        }

        public long BlockOf(long row) => row / _rowsPerBlock;

        public Range Within(long row)
        {
            int start = (int)(row % _rowsPerBlock) * _columns;
            return start..(start + _columns);
        }

        public ReadOnlySpan<T> Block<T>(long row)
            where T : unmanaged => MemoryMarshal.Cast<byte, T>(_blocks[BlockOf(row)].bytes);

        public double[] Lengths()
        {
            double[] lengths = new double[_count];
            Chunks.Each(_count, row => lengths[row] = Math.Sqrt(
                _isDouble ? Square(Block<double>(row)[Within(row)]) : Square(Block<float>(row)[Within(row)])));
            return lengths;
        }

        private static double Square<T>(ReadOnlySpan<T> row)
            where T : unmanaged => ExactSums.Dot(row, row);
    }
}

/// <summary>Sums over two rows in float64, of float32 or float64.</summary>
internal static class ExactSums
{
    public static double Dot<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
            return Single(MemoryMarshal.Cast<T, float>(x), MemoryMarshal.Cast<T, float>(y), distance: false);
        return Double(MemoryMarshal.Cast<T, double>(x), MemoryMarshal.Cast<T, double>(y), distance: false);
    }

    public static double SquaredDistance<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
            return Single(MemoryMarshal.Cast<T, float>(x), MemoryMarshal.Cast<T, float>(y), distance: true);
        return Double(MemoryMarshal.Cast<T, double>(x), MemoryMarshal.Cast<T, double>(y), distance: true);
    }

    private static double Single(ReadOnlySpan<float> x, ReadOnlySpan<float> y, bool distance)
    {
        Vector<double> low = default, high = default;
        int i = 0;
        for (; i <= x.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(x[i..]), out var a, out var b);
            Vector.Widen(new Vector<float>(y[i..]), out var c, out var d);
            if (distance)
            {
                (a, b) = (a - c, b - d);
                (c, d) = (a, b);
            }

            low += a * c;
            high += b * d;
        }

        double sum = Vector.Sum(low + high);
        for (; i < x.Length; i++)
            sum += distance ? ((double)x[i] - y[i]) * ((double)x[i] - y[i]) : (double)x[i] * y[i];
        return sum;
    }

    private static double Double(ReadOnlySpan<double> x, ReadOnlySpan<double> y, bool distance)
    {
        Vector<double> sums = default;
        int i = 0;
        for (; i <= x.Length - Vector<double>.Count; i += Vector<double>.Count)
        {
            Vector<double> a = new(x[i..]), b = new(y[i..]);
            if (distance)
                a = b = a - b;
            sums += a * b;
        }

        double sum = Vector.Sum(sums);
        for (; i < x.Length; i++)
            sum += distance ? (x[i] - y[i]) * (x[i] - y[i]) : x[i] * y[i];
        return sum;
    }
}
