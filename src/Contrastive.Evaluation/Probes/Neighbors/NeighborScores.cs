using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>The similarity of test rows with all training rows, and how far off it may be.</summary>
/// <remarks>
/// Rows not normalised are first scaled by one power of two, which rounds nothing, so that no square overflows:
/// similarities are those of the given rows divided by <see cref="Factor"/>.
/// </remarks>
internal sealed class NeighborScores
{
    private readonly Tensor _train;
    private readonly Tensor _test;
    private readonly Tensor? _trainLengths;
    private readonly double _rounding;

    public NeighborScores(Tensor train, Tensor test, NeighborSimilarity similarity)
    {
        bool normalize = similarity == NeighborSimilarity.Cosine;
        _train = FeatureRows.Prepare(train, normalize);
        _test = FeatureRows.Prepare(test, normalize);
        _rounding = FeatureRows.Rounding(_train);
        if (!normalize)
        {
            double scale = FeatureRows.PowerOfTwo(_train, _test);
            _train = _train.Times(scale);
            _test = _test.Times(scale);
            Factor = 1 / scale / scale;
        }

        if (similarity != NeighborSimilarity.Euclidean)
            _trainLengths = FeatureRows.Lengths(_train);
    }

    /// <summary>What a similarity is to be multiplied by to get that of the rows as given; may be infinite or zero.</summary>
    public double Factor { get; } = 1;

    /// <summary>The similarities of some test rows with all training rows, (length, N).</summary>
    public Tensor Of(long start, long length)
    {
        var queries = _test.narrow(0, start, length);
        // From differences: a matrix product would lose the digits of rows that are far from the origin.
        return _trainLengths is null
            ? cdist(queries, _train, 2, compute_mode.donot_use_mm_for_euclid_dist).Square().mul_(Scalars.Half).neg_()
            : queries.matmul(_train.t());
    }

    /// <summary>A bound on the rounding error of each test row's nearest similarities, (length, 1).</summary>
    /// <param name="start">The first test row.</param>
    /// <param name="nearest">Its largest similarities, descending, (length, k).</param>
    /// <param name="neighbors">The training rows they belong to, (length, k).</param>
    public Tensor Rounding(long start, Tensor nearest, Tensor neighbors)
    {
        long length = nearest.shape[0];
        if (_trainLengths is null)
            return nearest.narrow(1, nearest.shape[1] - 1, 1).Times(-2 * _rounding);

        var longest = _trainLengths.expand(length, -1).gather(1, neighbors).amax([1], keepdim: true);
        return (FeatureRows.Lengths(_test.narrow(0, start, length)).unsqueeze(1) * longest).Times(_rounding);
    }
}
