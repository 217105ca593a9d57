using System.Text.Json;
using Contrastive.Benchmarks.Reporting;
using Contrastive.Distributed;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Ranks;

/// <summary>What a step of a loss takes on several ranks, medians over the steps.</summary>
/// <param name="Ranks">K.</param>
/// <param name="Exchange">How rows meet.</param>
/// <param name="Batch">b, the rows of a rank.</param>
/// <param name="Dim">D.</param>
/// <param name="ComputeMs">The mean over the ranks of what is no meeting.</param>
/// <param name="ExchangeMs">The shortest time that a rank was in meetings, of which at most this is exchange: who comes last waits for nobody, but another may be last each time.</param>
/// <param name="WaitingMs">What the others were in meetings beyond that, on average.</param>
/// <param name="Bytes">What a rank sent.</param>
internal sealed record RankFigures(int Ranks, Exchange Exchange, long Batch, long Dim, double ComputeMs, double ExchangeMs, double WaitingMs, long Bytes)
{
    /// <summary>Measures every exchange. All ranks call it, and get the same figures.</summary>
    public static IReadOnlyList<RankFigures> Measure(Communicator communicator, long batch, long dim, int steps)
        => [.. Enum.GetValues<Exchange>().Select(exchange => Measure(communicator, exchange, batch, dim, steps))];

    /// <summary><c>{"figures":[…]}</c>, atomically.</summary>
    public static void Write(string path, IReadOnlyList<RankFigures> figures)
        => AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(new RankFile(figures), ResultFile.Json));

    /// <exception cref="InvalidDataException">The file is no such file.</exception>
    public static IReadOnlyList<RankFigures> Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<RankFile>(File.ReadAllBytes(path), ResultFile.Json)?.Figures ?? throw new JsonException("it has no figures");
        }
        catch (JsonException problem)
        {
            throw new InvalidDataException($"{path} has no figures of ranks: {problem.Message}", problem);
        }
    }

    private sealed record RankFile(IReadOnlyList<RankFigures> Figures);

    private static RankFigures Measure(Communicator communicator, Exchange exchange, long batch, long dim, int steps)
    {
        const int warmup = 2;
        using var all = NewDisposeScope();
        var items = batch * communicator.Size;
        using var generator = new Generator(1);
        using var order = new Generator(2);
        using var batches = new ShardedBatches(communicator, items, items, order);
        using var loss = new GammaContrastiveLoss(new PartitionTable(items), Temperature.Learned(), ContrastMode.Symmetric);
        var (left, right) = (randn([items, dim], generator: generator), randn([items, dim], generator: generator));
        var distributed = new DistributedLoss(loss, communicator, exchange, exchange == Exchange.Local ? batches : null);
        var (compute, shortest, waiting, bytes) = (new List<double>(), new List<double>(), new List<double>(), 0L);
        for (var step = 0; step < warmup + steps; step++)
        {
            using var scope = NewDisposeScope();
            var ids = batches.Next();
            var (a, b) = (left[ids].requires_grad_(), right[ids].requires_grad_());
            communicator.Barrier();
            var (start, met, sent) = (System.Diagnostics.Stopwatch.GetTimestamp(), communicator.MeetingTime, communicator.BytesSent);
            distributed.Evaluate(a, b, ids).Loss.backward();
            var (total, meeting) = (System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalMilliseconds, (communicator.MeetingTime - met).TotalMilliseconds);
            bytes = communicator.BytesSent - sent;
            var times = communicator.AllGatherRows(tensor(new[] { total - meeting, meeting }).reshape(1, 2)).data<double>().ToArray();
            if (step < warmup) continue;
            double[] meetings = [.. times.Where((_, index) => index % 2 == 1)];
            compute.Add(times.Where((_, index) => index % 2 == 0).Average());
            shortest.Add(meetings.Min());
            waiting.Add(meetings.Average() - meetings.Min());
        }
        return new RankFigures(
            communicator.Size, exchange, batch, dim, Median(compute), Median(shortest), Median(waiting), bytes);

        static double Median(List<double> values) => MathNet.Numerics.Statistics.ArrayStatistics.MedianInplace([.. values]);
    }
}
