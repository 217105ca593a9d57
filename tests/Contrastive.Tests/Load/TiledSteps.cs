using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Tests.Load;

/// <summary>Steps of a loss at a size that has tiles, by the name of what is stepped.</summary>
internal sealed class TiledSteps : IDisposable
{
    public const string Infonce = "InfoNCE, symmetric";
    public const string OneDirection = "InfoNCE, one direction, in strips";
    public const string TwoViews = "InfoNCE, two views";
    public const string DotProduct = "InfoNCE, dot products";
    public const string Labels = "SupCon";
    public const string RepeatedIds = "InfoNCE, symmetric, a repeated id";
    public const string GammaTable = "gamma, symmetric, table";
    public const string GammaQueue = "gamma, queue";
    public const string Uniformity = "uniformity";
    public const string Sigmoid = "sigmoid";
    public const string Decoupled = "InfoNCE, symmetric, decoupled with weighted positives";
    public const string HardNegatives = "InfoNCE, symmetric, hard negatives";
    public const string Smoothed = "InfoNCE, symmetric, smoothed labels";
    public const string LargeBatchCached = "large batch, InfoNCE";
    public const string LargeBatchAccumulated = "large batch, gamma";

    public static TheoryData<string> All { get; } =
    [
        Infonce, OneDirection, TwoViews, DotProduct, Labels, RepeatedIds, GammaTable, GammaQueue, Uniformity, Sigmoid, Decoupled, HardNegatives, Smoothed, LargeBatchCached, LargeBatchAccumulated,
    ];

    private readonly Tensor _a;
    private readonly Tensor _b;
    private readonly Tensor _ids;
    private readonly Tensor _labels;
    private readonly List<IDisposable> _owned = [];
    private readonly Action _step;

    public TiledSteps(string name, long rows, long width = 8)
    {
        _a = Draw.Normal(1, rows, width).to(ScalarType.Float32).requires_grad_();
        _b = Draw.Normal(2, rows, width).to(ScalarType.Float32).requires_grad_();
        _ids = arange(rows);
        _labels = Draw.Integers(3, (int)rows / 3, rows);
        _step = Step(name, rows);
    }

    public void Run(int steps)
    {
        for (var i = 0; i < steps; i++)
        {
            using var scope = NewDisposeScope();
            _step();
            (_a.grad, _b.grad) = (null, null);
        }
    }

    public void Dispose()
    {
        foreach (var owned in _owned) owned.Dispose();
        foreach (var tensor in new[] { _a, _b, _ids, _labels }) tensor.Dispose();
    }

    private Action Step(string name, long rows)
    {
        switch (name)
        {
            case Uniformity:
                var uniformity = Own(new UniformityLoss());
                return () => uniformity.forward(_a).backward();
            case Sigmoid:
                return Steps(new SigmoidContrastiveLoss());
            case Decoupled:
                return Steps(new InfoNCELoss(mode: ContrastMode.Symmetric, decoupled: true, misesFisherSigma: 0.5));
            case HardNegatives:
                return Steps(new InfoNCELoss(mode: ContrastMode.Symmetric, hardNegatives: new HardNegatives(1, 0.1)));
            case Smoothed:
                return Steps(new InfoNCELoss(mode: ContrastMode.Symmetric, labelSmoothing: 0.1));
            case LargeBatchCached or LargeBatchAccumulated:
                var large = name == LargeBatchCached ? (ContrastiveLoss)InfoNCE(ContrastMode.Symmetric) : Gamma(new PartitionTable(rows), ContrastMode.Symmetric);
                var (towerA, towerB) = (Own(nn.Linear(_a.shape[1], _a.shape[1])), Own(nn.Linear(_a.shape[1], _a.shape[1])));
                var step = new LargeBatchStep(512, [towerA, towerB]);
                return () => step.Backward(rows, (first, count) => (Encode(towerA, _a, first, count), Encode(towerB, _b, first, count)), large, _ids);
            case Labels:
                var supCon = InfoNCE(ContrastMode.OneDirection, missing: MissingPairs.Skip);
                return () => supCon.forward(_a, _a, null, PairMap.FromLabels(_labels)).backward();
            case RepeatedIds:
                var repeated = InfoNCE(ContrastMode.Symmetric);
                return () => repeated.forward(_a, _b, _ids.where(_ids.ne(1), _ids.narrow(0, 0, 1))).backward();
        }
        var loss = name switch
        {
            Infonce => InfoNCE(ContrastMode.Symmetric),
            OneDirection => InfoNCE(ContrastMode.OneDirection),
            TwoViews => InfoNCE(ContrastMode.TwoViews),
            DotProduct => InfoNCE(ContrastMode.Symmetric, SimilarityMeasure.DotProduct),
            GammaTable => Gamma(new PartitionTable(rows), ContrastMode.Symmetric),
            GammaQueue => (ContrastiveLoss)Gamma(new PartitionQueue(200, _a.shape[1]), ContrastMode.OneDirection),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, "no such steps"),
        };
        if (name == OneDirection) loss.Tiling = new Tiling { MemoryBudget = 4 << 20 };
        return () => loss.forward(_a, _b, _ids).backward();
    }

    private Action Steps(ContrastiveLoss loss)
    {
        Own(loss);
        return () => loss.forward(_a, _b, _ids).backward();
    }

    private static Tensor Encode(nn.Module<Tensor, Tensor> tower, Tensor items, long first, long count)
        => tower.forward(items.detach().narrow(0, first, count));

    private InfoNCELoss InfoNCE(ContrastMode mode, SimilarityMeasure similarity = SimilarityMeasure.Cosine, MissingPairs missing = MissingPairs.Throw)
        => Own(new InfoNCELoss(null, mode, similarity, missingPairs: missing));

    private GammaContrastiveLoss Gamma(PartitionEstimator estimator, ContrastMode mode) => Own(new GammaContrastiveLoss(estimator, mode: mode));

    private T Own<T>(T made)
        where T : IDisposable
    {
        _owned.Add(made);
        return made;
    }
}
