using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

/// <summary>A loss with its estimators' state, and what is said of the batch.</summary>
internal sealed record StepCase(ContrastiveLoss Loss, Tensor? Ids = null, PairMap? Pairs = null, Tensor? CandidateIds = null)
{
    private static readonly Tiling Tiles = new() { Rows = 3, Columns = 4 };

    private static Tensor Ids1(long n) => arange(n, dtype: ScalarType.Int64) * 2 + 1;

    /// <summary>Ids of which some come twice.</summary>
    private static Tensor Twins(long n) => arange(n, dtype: ScalarType.Int64).remainder(Math.Max(2, n - 2));

    private static PartitionTable Table(bool includeCurrentBatch = true)
        => new(40, includeCurrentBatch: includeCurrentBatch, dtype: ScalarType.Float64);

    private static PartitionQueue Queue() => new(9, 4, population: 30, dtype: ScalarType.Float64);

    /// <summary>Every kind of case, made afresh for a batch of n.</summary>
    public static readonly IReadOnlyDictionary<string, Func<long, StepCase>> All = new Dictionary<string, Func<long, StepCase>>
    {
        ["InfoNCE"] = _ => new(new InfoNCELoss()),
        ["InfoNCE in tiles"] = _ => new(new InfoNCELoss(Temperature.Learned()) { Tiling = Tiles }),
        ["InfoNCE, sum"] = _ => new(new InfoNCELoss(reduction: nn.Reduction.Sum)),
        ["symmetric"] = _ => new(new InfoNCELoss(mode: ContrastMode.Symmetric)),
        ["symmetric, learned temperature, in tiles"] =
            _ => new(new InfoNCELoss(Temperature.Learned(0.3), ContrastMode.Symmetric) { Tiling = Tiles }),
        ["two views"] = _ => new(new InfoNCELoss(Temperature.Learned(0.5), ContrastMode.TwoViews)),
        ["sample ids"] = n => new(new InfoNCELoss(mode: ContrastMode.Symmetric), Twins(n)),
        ["labels"] = n => new(
            new InfoNCELoss(Temperature.Learned(0.2), missingPairs: MissingPairs.Skip),
            Pairs: PairMap.FromLabels(Draw.Integers(5, 4, n), Draw.Integers(6, 4, n))),
        ["dot product"] = _ => new(new InfoNCELoss(Temperature.Fixed(2), similarity: SimilarityMeasure.DotProduct)),

        ["gamma, batch"] = _ => new(new GammaContrastiveLoss(new BatchPartition(50))),
        ["gamma, table"] = n => new(new GammaContrastiveLoss(Table()), Ids1(n)),
        ["gamma, table of earlier visits, twins"] = n => new(new GammaContrastiveLoss(Table(false)), Twins(n)),
        ["gamma, queue"] = _ => new(new GammaContrastiveLoss(Queue(), Temperature.Learned(0.4))),
        ["gamma, symmetric table"] = n => new(new GammaContrastiveLoss(Table(), Temperature.Learned(0.4), ContrastMode.Symmetric), Ids1(n)),
        ["gamma, symmetric table, in tiles"] = n => new(
            new GammaContrastiveLoss(Table(), Temperature.Learned(0.4), ContrastMode.Symmetric) { Tiling = Tiles }, Ids1(n)),
        ["gamma, in tiles, learned temperature"] = n => new(new GammaContrastiveLoss(Table(), Temperature.Learned()) { Tiling = Tiles }, Ids1(n)),
        ["gamma, symmetric queue, twins"] = n => new(new GammaContrastiveLoss(Queue(), mode: ContrastMode.Symmetric), Twins(n)),
        ["gamma, sampled"] = n => new(
            new GammaContrastiveLoss(Table(), mode: ContrastMode.Symmetric, eStep: EStep.Sampled, generator: new Generator(3)), Ids1(n)),
        ["gamma, sampled from torch's own"] = n => new(new GammaContrastiveLoss(Table(), eStep: EStep.Sampled), Ids1(n)),
        ["gamma, two views, table"] = n => new(
            new GammaContrastiveLoss(
                new PartitionTable(40, population: 79, dtype: ScalarType.Float64), Temperature.Learned(0.4), ContrastMode.TwoViews),
            Ids1(n)),
        ["gamma, two views, queue, twins, in tiles"] = n => new(
            new GammaContrastiveLoss(Queue(), Temperature.Learned(), ContrastMode.TwoViews, eStep: EStep.Sampled, generator: new Generator(4))
            {
                Tiling = Tiles,
            },
            Twins(n)),
        ["gamma, labels, skip"] = n => new(
            new GammaContrastiveLoss(new BatchPartition(80), Temperature.Learned(0.3), ContrastMode.Symmetric, missingPairs: MissingPairs.Skip),
            Pairs: PairMap.FromLabels(Draw.Integers(5, 5, n), Draw.Integers(6, 5, n))),
        ["gamma, sampled labels, skip, in tiles"] = n => new(
            new GammaContrastiveLoss(
                new BatchPartition(80), Temperature.Learned(0.3), positiveSampling: PositiveSampling.Sampled, missingPairs: MissingPairs.Skip)
            {
                Tiling = Tiles,
            },
            Pairs: PairMap.FromLabels(Draw.Integers(5, 5, n), Draw.Integers(6, 5, n))),
        ["gamma, logit bias, exclusions"] = n => new(
            new GammaContrastiveLoss(new BatchPartition(80), missingPairs: MissingPairs.Skip, mode: ContrastMode.Symmetric),
            Pairs: PairMap.Diagonal(n).Exclude(Draw.Mask(7, 0.2, n, n)).WithLogitBias(Draw.Normal(8, n, n))),
        ["gamma, sum, dot product"] = _ => new(new GammaContrastiveLoss(
            new BatchPartition(50), Temperature.Learned(), ContrastMode.Symmetric, SimilarityMeasure.DotProduct, reduction: nn.Reduction.Sum)),
    };

    public static TheoryData<string> Names
    {
        get
        {
            var data = new TheoryData<string>();
            foreach (var name in All.Keys) data.Add(name);
            return data;
        }
    }

    public ContrastiveResult Evaluate((Tensor Anchors, Tensor Candidates) features)
        => Loss.Evaluate(features.Anchors, features.Candidates, Ids, Pairs, CandidateIds);

    /// <summary>The methods that the loss allows.</summary>
    public IEnumerable<LargeBatchMethod> Methods => Loss is GammaContrastiveLoss
        ? [LargeBatchMethod.Accumulation, LargeBatchMethod.CachedGradients]
        : [LargeBatchMethod.CachedGradients];
}
