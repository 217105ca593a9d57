using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>The vote of the nearest neighbours, ties shared; see <see cref="NearestNeighborProbe"/>.</summary>
/// <param name="classOfRow">The class of each training row, (N) int64.</param>
/// <param name="classes">The number of classes C.</param>
/// <param name="sharpness">Votes weigh exp(sharpness · similarity); 0 for a majority.</param>
internal sealed class NeighborElection(Tensor classOfRow, long classes, double sharpness)
{
    // Infinity times a difference of 0 would be NaN; this much is as good, and a float32.
    private readonly double _sharpness = Math.Min(sharpness, 1e30);

    /// <summary>How right the vote is for each query, from 0 to 1.</summary>
    /// <param name="scores">The similarities of queries and training rows, (length, N).</param>
    /// <param name="nearest">The k largest of each query, descending, (length, k).</param>
    /// <param name="rounding">How far off they may be, (length, 1).</param>
    /// <param name="expected">The class each query has, (length) int64; -1 is never right.</param>
    public double[] Hits(Tensor scores, Tensor nearest, Tensor rounding, Tensor expected)
    {
        long neighbors = nearest.shape[1];
        var last = nearest.narrow(1, neighbors - 1, 1);
        var above = scores.gt(last.Plus(rounding));
        var tied = scores.ge(last - rounding).logical_and_(above.logical_not());
        using var k = neighbors.ToScalar();
        var seats = above.sum(dim: 1, keepdim: true).neg_().add_(k, Scalars.OneIndex);       // for the tied rows together
        var share = seats.to_type(scores.dtype) / tied.sum(dim: 1, keepdim: true).to_type(scores.dtype);

        var weights = (scores - nearest.narrow(1, 0, 1)).Times(_sharpness).exp_();
        weights.mul_(above.to_type(scores.dtype).add_(tied.to_type(scores.dtype).mul_(share), Scalars.One));
        var votes = zeros(scores.shape[0], classes, dtype: scores.dtype, device: scores.device)
            .scatter_add_(1, classOfRow.expand(scores.shape[0], -1), weights);               // (length, C)

        // Each weight is off by the factor exp(sharpness · rounding), and their sum of k terms by k roundings more.
        var logVotes = votes.log();
        var slack = rounding.Times(2 * _sharpness).Plus(neighbors * FeatureRows.Epsilon(scores.dtype));
        var winners = logVotes.ge(logVotes.amax([1], keepdim: true) - slack).logical_and_(votes.gt(Scalars.Zero));
        var right = winners.gather(1, expected.clamp_min(Scalars.ZeroIndex).unsqueeze(1)).squeeze(1)
            .logical_and_(expected.ge(Scalars.ZeroIndex));
        long[] ties = winners.sum(dim: 1).cpu().data<long>().ToArray();
        return [.. right.cpu().data<bool>().ToArray().Zip(ties, (hit, count) => hit ? 1.0 / count : 0)];
    }
}
