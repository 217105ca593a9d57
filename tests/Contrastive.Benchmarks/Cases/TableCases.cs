using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>
/// Small batches with a table of estimates, what the decomposable loss is for: two modalities (iSogCLR's setting), and two views of one
/// set (SogCLR's).
/// </summary>
internal static class TableCases
{
    private const double Rho = 0.1;
    private static readonly Scalar Tenth = Rho.ToScalar();

    public static IEnumerable<StepCase> All =>
    [
        new("gamma-symmetric-64", 64, 256, Ours(ContrastMode.Symmetric), PlainModalities),
        new("gamma-symmetric-256", 256, 256, Ours(ContrastMode.Symmetric), PlainModalities),
        new("gamma-two-views-64", 64, 256, Ours(ContrastMode.TwoViews), PlainViews, HasFloor: false),
        new("gamma-two-views-256", 256, 256, Ours(ContrastMode.TwoViews), PlainViews, HasFloor: false),
        new("gamma-two-views-1024", 1024, 256, Ours(ContrastMode.TwoViews), PlainViews, HasFloor: false),
        new("gamma-queue", 1024, 128, Queue, null, HasFloor: false),
    ];

    private static StepFactory Ours(ContrastMode mode) => (batch, dim) =>
    {
        var (features, ids, temperature) = (Features.Make(batch, dim), TensorArithmetic.Range(0, batch, CPU), Temperature.Learned());
        var population = mode == ContrastMode.TwoViews ? (8 * batch) - 1 : 4 * batch;
        var table = new PartitionTable(4 * batch, StepSizeSchedule.Constant(Rho), population: population, dtype: ScalarType.Float32);
        var loss = new GammaContrastiveLoss(table, temperature, mode);
        return BatchStep.Training(
            () => loss.forward(features[0], features[1], ids), [.. features, .. loss.parameters()], [.. features, ids, loss, temperature]);
    };

    private static BatchStep Queue(long batch, long dim)
    {
        var (features, temperature) = (Features.Make(batch, dim), Temperature.Learned());
        var loss = new GammaContrastiveLoss(new PartitionQueue(65536, dim), temperature);
        using (var full = Features.Unit(randn(65536, dim))) ((PartitionQueue)loss.Estimator).Enqueue(full);
        return BatchStep.Training(
            () => loss.forward(features[0], features[1]), [.. features, .. loss.parameters()], [.. features, loss, temperature]);
    }

    /// <summary>The same operations: a matrix of exponentials, sums of both directions, two tables that move by a tenth.</summary>
    private static BatchStep PlainModalities(long batch, long dim)
    {
        var (tables, visits) = (new[] { zeros(4 * batch), zeros(4 * batch) }, new[] { Counter(batch), Counter(batch) });
        return Make(batch, dim, [.. tables, .. visits], (a, b, scale, ids) =>
        {
            var logits = scale.mul(a).matmul(b.t());
            var (positive, exponentials) = (logits.diagonal(), logits.exp());
            var perPositive = positive.exp();
            var (rows, columns) = (exponentials.sum(dim: 1).sub(perPositive), exponentials.sum(dim: 0).sub(perPositive));
            var weight = (4.0 * batch - 1) / (batch - 1);
            return Direction(rows, 0).Plus(Direction(columns, 1)).Times(0.5);

            Tensor Direction(Tensor negatives, int k)
            {
                var sum = perPositive.Plus(negatives.Times(weight));
                return sum.div(Move(tables[k], visits[k], ids, sum.detach())).sub(positive).mean();
            }
        });
    }

    /// <summary>The same of both views' rows with each other, whose two estimates of a sample are averaged.</summary>
    private static BatchStep PlainViews(long batch, long dim)
    {
        var (table, visits) = (zeros(4 * batch), Counter(batch));
        return Make(batch, dim, [table, visits], (a, b, scale, ids) =>
        {
            var unit = cat([a, b]);
            var logits = scale.mul(unit).matmul(unit.t());
            var cross = logits.diagonal(batch, 0, 1);
            var positive = cat([cross, cross]);
            var exponentials = logits.exp().masked_fill(eye(2 * batch, dtype: ScalarType.Bool), Scalars.Zero);
            var perPositive = positive.exp();
            var weight = ((8.0 * batch) - 2) / ((2 * batch) - 2);
            var sum = perPositive.Plus(exponentials.sum(dim: 1).sub(perPositive).Times(weight));
            var mean = sum.detach().view(2, batch).mean([0]);
            var estimate = Move(table, visits, ids, mean);
            return sum.div(cat([estimate, estimate])).sub(positive).mean();
        });
    }

    /// <summary>The estimates of a batch's samples after this visit, the first of which is taken as it is.</summary>
    private static Tensor Move(Tensor table, Tensor visits, Tensor ids, Tensor current)
    {
        using var constant = no_grad();
        var visited = visits.index_select(0, ids);
        var rho = full_like(current, Tenth).masked_fill(visited.eq(Scalars.ZeroIndex), Scalars.One);
        var after = table.index_select(0, ids).mul(rho.neg().Plus(1)).Plus(current.mul(rho));
        table.index_copy_(0, ids, after);
        visits.index_copy_(0, ids, visited.add(Scalars.OneIndex, Scalars.OneIndex));
        return after;
    }

    private static Tensor Counter(long batch) => zeros(4 * batch, dtype: ScalarType.Int64);

    private static BatchStep Make(long batch, long dim, Tensor[] state, Func<Tensor, Tensor, Tensor, Tensor, Tensor> loss)
    {
        var (features, ids) = (Features.Make(batch, dim), TensorArithmetic.Range(0, batch, CPU));
        var logScale = Features.LogScale();
        return BatchStep.Training(
            () => loss(Features.Unit(features[0]), Features.Unit(features[1]), logScale.exp(), ids),
            [.. features, logScale],
            [.. features, ids, logScale, .. state]);
    }
}
