using System.Diagnostics;
using Contrastive.Numerics;
using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.FusionModel.Training;

/// <summary>The random streams of a run by their purpose. The numbers decide every figure: they stay.</summary>
internal static class Streams
{
    private static readonly RandomStreams All = new(3);

    public static long LargestSeed => All.LargestSeed;

    public static Generator Weights(long seed) => All.Of(seed, 0);

    public static Generator Order(long seed) => All.Of(seed, 1);

    public static Generator Draws(long seed) => All.Of(seed, 2);
}

/// <summary>How long and how fast a run learns.</summary>
internal sealed record Pace(int BatchSize, int Epochs, double LearningRate, double WeightDecay);

/// <summary>What was seen of a run.</summary>
/// <param name="Epochs">The mean of each term over each full epoch.</param>
/// <param name="Underway">Their sums over the epoch under way.</param>
/// <param name="Seconds">Of training.</param>
internal sealed record FusionCurves(IReadOnlyList<IReadOnlyDictionary<string, double>> Epochs, IReadOnlyDictionary<string, double> Underway, double Seconds)
{
    public static FusionCurves Empty { get; } = new([], new Dictionary<string, double>(), 0);
}

/// <summary>
/// Batches, the optimiser's step and what is written down of it; what is learned is the loss of a batch, in <see cref="PretrainRun"/> and
/// <see cref="TaskRun"/>.
/// </summary>
internal abstract class FusionRun : ITrainingRun, IDisposable
{
    private const double WarmupShare = 0.05;

    private readonly Generator _order;
    // (groups, members), the numbers of items.
    private readonly Tensor _members;
    private readonly ShuffledBatches _batches;
    private readonly WarmupCosineSchedule _schedule;
    private readonly SafeAdamW _optimizer;

    /// <param name="name">Of the run.</param>
    /// <param name="items">How many there are to train on.</param>
    /// <param name="pace">How.</param>
    /// <param name="seed">Of their order and of <see cref="Draws"/>.</param>
    /// <param name="trained">The run owns them.</param>
    /// <param name="device">Where.</param>
    /// <param name="together">So many neighbours are always learned in one step.</param>
    protected FusionRun(string name, long items, Pace pace, long seed, (string Name, nn.Module Module)[] trained, Device device, int together = 1)
    {
        Name = name;
        var groups = Math.Max(1, pace.BatchSize / together);
        BatchSize = groups * together;
        if (items < BatchSize)
            throw new UserError($"--batch-size {pace.BatchSize}: there are only {items} to train on");
        _order = Streams.Order(seed);
        Draws = Streams.Draws(seed);
        using var all = TensorArithmetic.Range(0, items / together * together, device);
        _members = all.view(-1, together);
        _batches = new ShuffledBatches(items / together, groups, _order, device);
        Steps = pace.Epochs * _batches.StepsPerEpoch;
        _schedule = new WarmupCosineSchedule(pace.LearningRate, Steps, (long)(WarmupShare * Steps));
        Trained = trained;
        foreach (var (_, module) in trained)
            module.to(device);
        _optimizer = new SafeAdamW(trained, 0, pace.WeightDecay);
    }

    public string Name { get; }

    public long Steps { get; }

    public long StepsDone => _batches.Step;

    public long BatchSize { get; }

    public FusionCurves Curves { get; private set; } = FusionCurves.Empty;

    /// <summary>What picks captions, masks and negatives.</summary>
    protected Generator Draws { get; }

    protected long StepsPerEpoch => _batches.StepsPerEpoch;

    protected (string Name, nn.Module Module)[] Trained { get; }

    public virtual CheckpointParts Parts
    {
        get
        {
            var parts = new CheckpointParts();
            foreach (var (name, module) in Trained)
                parts.Module(name, module);
            return parts.Module("optimizer", _optimizer).Module("batches", _batches)
                .Generator("order", _order).Generator("draws", Draws);
        }
    }

    /// <summary>Goes on from where another process stopped.</summary>
    public void Restore(CheckpointFile file, FusionCurves curves)
    {
        file.Restore(Parts);
        Curves = curves;
    }

    public IReadOnlyList<LossTerm> TakeStep()
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        _optimizer.LearningRate = _schedule.At(_batches.Step);
        _optimizer.zero_grad();
        BeforeStep(_optimizer.LearningRate);
        var (loss, terms) = Loss(_members.index_select(0, _batches.Next()).flatten());
        loss.backward();
        _optimizer.step();
        Curves = Curves with
        {
            Underway = terms.ToDictionary(term => term.Name, term => Curves.Underway.GetValueOrDefault(term.Name) + term.Value),
            Seconds = Curves.Seconds + clock.Elapsed.TotalSeconds,
        };
        return terms;
    }

    public void AfterStep()
    {
        if (!_batches.EndedEpoch)
            return;
        Curves = Curves with
        {
            Epochs = [.. Curves.Epochs, Curves.Underway.ToDictionary(term => term.Key, term => term.Value / StepsPerEpoch)],
            Underway = FusionCurves.Empty.Underway,
        };
    }

    public virtual void Dispose()
    {
        _optimizer.Dispose();
        _batches.Dispose();
        _members.Dispose();
        foreach (var (_, module) in Trained)
            module.Dispose();
        _order.Dispose();
        Draws.Dispose();
    }

    /// <param name="stepSize">Of the step that comes.</param>
    protected virtual void BeforeStep(double stepSize)
    {
    }

    /// <summary>The loss of a batch and its parts; the caller has a dispose scope.</summary>
    /// <param name="items">(B) numbers.</param>
    protected abstract (Tensor Loss, IReadOnlyList<LossTerm> Terms) Loss(Tensor items);

    /// <summary>Texts of a batch, no wider than the longest of them.</summary>
    protected static Tensor Trimmed(Tensor ids, int padding)
    {
        using var none = ((long)padding).ToScalar();
        var longest = ids.ne(none).sum(dim: 1).max().item<long>();
        return ids.narrow(1, 0, longest);
    }
}
