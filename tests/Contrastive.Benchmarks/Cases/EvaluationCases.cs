using Contrastive.Evaluation;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>All rows against all others, as an evaluation does; and the plain form, a chunk of queries at a time, that takes scores as they come.</summary>
internal static class EvaluationCases
{
    private const long Rows = 20_000;
    private const long Dim = 256;
    private const long Chunk = 256;
    private const int Neighbors = 20;
    private const double Temperature = 0.07;

    public static IEnumerable<StepCase> All =>
    [
        Case("neighbors-cosine", data => NearestNeighborProbe.Evaluate(data.X, data.Labels, data.Y, data.Labels, Neighbors), data => PlainNeighbors(data, euclidean: false)),
        Case(
            "neighbors-euclidean",
            data => NearestNeighborProbe.Evaluate(data.X, data.Labels, data.Y, data.Labels, Neighbors, NeighborSimilarity.Euclidean),
            data => PlainNeighbors(data, euclidean: true)),
        Case("mean-average-precision", data => Retrieval.OneWay(data.X, data.Labels, data.Y, data.Labels), PlainPrecision),
        Case("recall-both-ways", data => Retrieval.Evaluate(data.X, data.Y), PlainRecall),
    ];

    private static StepCase Case(string name, Action<Data> ours, Action<Data> plain)
        => new(name, Rows, Dim, Step(ours), Step(plain), HasFloor: false, ComparedUpTo: Rows);

    private static StepFactory Step(Action<Data> work) => (rows, dim) =>
    {
        var data = new Data(rows, dim);
        return BatchStep.Of(() => work(data), data);
    };

    /// <summary>A vote weighted with exp(s/τ); by distance, of one product as well.</summary>
    private static void PlainNeighbors(Data data, bool euclidean)
    {
        var (train, test) = euclidean ? (data.X, data.Y) : (Features.Unit(data.X), Features.Unit(data.Y));
        var squares = train.Square().sum(dim: 1);
        long classes = data.Classes;
        double hits = 0;
        foreach (var (first, count) in Runs.Of(test.shape[0], Chunk))
        {
            using var scope = NewDisposeScope();
            var queries = test.narrow(0, first, count);
            var scores = euclidean
                ? queries.Square().sum(dim: 1, keepdim: true).Plus(squares).addmm_(queries, train.t(), 1, -2).mul_(Scalars.Half).neg_()
                : queries.matmul(train.t());
            var (best, places) = scores.topk((int)Math.Min(Neighbors, train.shape[0]), 1);
            var weights = (best - best.narrow(1, 0, 1)).Times(1 / Temperature).exp();
            var votes = zeros(count, classes).scatter_add_(1, data.Labels.index_select(0, places.view(-1)).view_as(places), weights);
            hits += votes.argmax(1).eq(data.Labels.narrow(0, first, count)).count_nonzero().item<long>();
        }
    }

    private static void PlainPrecision(Data data)
    {
        var (queries, candidates) = (Features.Unit(data.X), Features.Unit(data.Y));
        var place = TensorArithmetic.Range(1, candidates.shape[0], CPU).to_type(ScalarType.Float32);
        double sum = 0;
        foreach (var (first, count) in Runs.Of(queries.shape[0], Chunk))
        {
            using var scope = NewDisposeScope();
            var order = queries.narrow(0, first, count).matmul(candidates.t()).argsort(1, descending: true);
            var relevant = data.Labels.narrow(0, first, count).unsqueeze(1).eq(data.Labels).gather(1, order).to_type(ScalarType.Float32);
            sum += (relevant.cumsum(1) / place * relevant).sum(dim: 1).div(relevant.sum(dim: 1)).SumAll().item<float>();
        }
    }

    private static void PlainRecall(Data data)
    {
        var (left, right) = (Features.Unit(data.X), Features.Unit(data.Y));
        long hits = 0;
        foreach (var (queries, candidates) in new[] { (left, right), (right, left) })
        {
            foreach (var (first, count) in Runs.Of(queries.shape[0], Chunk))
            {
                using var scope = NewDisposeScope();
                var (_, places) = queries.narrow(0, first, count).matmul(candidates.t()).topk(10, 1);
                hits += places.eq(TensorArithmetic.Range(first, count, CPU).unsqueeze(1)).any(1).count_nonzero().item<long>();
            }
        }
    }

    /// <summary>Two views of items in classes of a hundred.</summary>
    private sealed class Data : IDisposable
    {
        public Data(long rows, long dim)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(1);
            Classes = Math.Max(2, rows / 100);
            Tensor Normal(long count) => randn([count, dim], ScalarType.Float32, generator: generator);
            Labels = randint(0, Classes, [rows], ScalarType.Int64, generator: generator);
            var centres = Normal(Classes).index_select(0, Labels);
            X = centres.Times(0.5).Plus(Normal(rows));
            Y = centres.Times(0.5).Plus(Normal(rows)).Plus(X.Times(0.3));
            foreach (var tensor in new[] { X, Y, Labels }) tensor.DetachFromDisposeScope();
        }

        public long Classes { get; }

        public Tensor X { get; }

        public Tensor Y { get; }

        public Tensor Labels { get; }

        public void Dispose()
        {
            X.Dispose();
            Y.Dispose();
            Labels.Dispose();
        }
    }
}
