using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Tests.Combinations;

internal enum CombinedLoss
{
    InfoNCE,
    Batch,
    Table,
    Queue,
}

/// <summary>What is said of the pairs; the others number like <see cref="PairCase.Create"/>'s variants.</summary>
internal enum PairKinds
{
    Diagonal,
    TwoViews,
    Mask,
    LabelsOfOneSet,
    LabelsOfTwoSets,
    Negatives,

    /// <summary>No map at all.</summary>
    Unsaid,
}

internal enum IdKind
{
    None,

    /// <summary>Each sample once; the candidates are the same samples, or others where their number differs.</summary>
    Distinct,

    /// <summary>Samples with several rows, the candidates' not said where they are as many.</summary>
    Repeated,

    /// <summary>The candidates' ids are others than the anchors', both with repeats.</summary>
    Different,

    /// <summary>Where N ≠ M, the anchors' ids alone, with repeats.</summary>
    OfAnchorsAlone,
}

internal enum Layout
{
    Contiguous,
    Transposed,
    Sliced,

    /// <summary>Both are parts of one tensor.</summary>
    PartsOfOne,

    /// <summary>Both are one tensor.</summary>
    One,
}

internal enum Wanted
{
    Both,
    OfAnchors,
    OfCandidates,

    /// <summary>Of a learned temperature at most.</summary>
    NoFeatures,

    /// <summary>Evaluated without gradients.</summary>
    NoGraph,
}

/// <summary>How a step is taken.</summary>
internal enum Way
{
    Evaluate,
    CachedGradients,
    Accumulation,

    /// <summary>The sums, the E-step and the M-step, block by block.</summary>
    Pieces,
}

/// <summary>One draw of everything that can be set, printed as it is.</summary>
internal sealed record Combination
{
    private static readonly (StepSizeSchedule Schedule, Func<long, double> Rho)[] Schedules =
    [
        (StepSizeSchedule.Power(0.6), v => Math.Pow(v, -0.6)),
        (StepSizeSchedule.Constant(0.3), _ => 0.3),
        (StepSizeSchedule.Cosine(0.8, 0.1, 3), v => 0.1 + (0.7 * (1 + Math.Cos(Math.PI * Math.Min(v, 3) / 3)) / 2)),
    ];

    public CombinedLoss Loss { get; init; }
    public ContrastMode Mode { get; init; }
    public SimilarityMeasure Similarity { get; init; }
    public double Temperature { get; init; }
    public bool Learned { get; init; }

    /// <summary>N; with two views of each.</summary>
    public int Anchors { get; init; }

    public int Candidates { get; init; }
    public int Width { get; init; }
    public bool Float64 { get; init; }
    public bool State64 { get; init; }
    public Layout Layout { get; init; }
    public Wanted Wanted { get; init; }

    public PairKinds Pairs { get; init; }
    public bool Exclude { get; init; }
    public bool MapIds { get; init; }
    public int BiasRank { get; init; }

    /// <summary>Where the map begins in a larger one.</summary>
    public int Offset { get; init; }

    public IdKind Ids { get; init; }
    public bool Int32Ids { get; init; }

    public PositiveSum PositiveSum { get; init; }
    public PositiveSampling PositiveSampling { get; init; }
    public MissingPairs MissingPairs { get; init; }
    public nn.Reduction Reduction { get; init; }

    public EStep EStep { get; init; }
    public int Schedule { get; init; }
    public bool IncludeCurrentBatch { get; init; }
    public bool SayPopulation { get; init; }
    public int Capacity { get; init; }
    public bool EnqueueByHand { get; init; }
    public bool ReverseOfItsOwn { get; init; }

    public Way Way { get; init; }
    public int Part { get; init; }
    public int TileRows { get; init; }
    public int TileColumns { get; init; }
    public long MemoryBudget { get; init; }

    /// <summary>The step in evaluation mode, if it is one of those taken.</summary>
    public int EvaluationStep { get; init; }

    public int Steps { get; init; }
    public int Seed { get; init; }

    public ScalarType DType => Float64 ? ScalarType.Float64 : ScalarType.Float32;

    /// <summary>The relative error of one operation, in the features' dtype or the state's.</summary>
    public double Epsilon => Float64 && (State64 || Loss is CombinedLoss.InfoNCE or CombinedLoss.Batch) ? Math.Pow(2, -52) : Math.Pow(2, -23);

    /// <summary>The rows that are contrasted, N.</summary>
    public int Rows => Mode == ContrastMode.TwoViews ? 2 * Anchors : Anchors;

    /// <summary>And M.</summary>
    public int Columns => Mode == ContrastMode.TwoViews ? 2 * Anchors : Candidates;

    /// <summary>More samples than a batch has.</summary>
    public int Samples => Rows + Columns + 3;

    public bool HasIds => Ids != IdKind.None;

    private static Gen<bool> OneIn(int count) => Gen.Int[1, count].Select(n => n == 1);

    public static Gen<Combination> Any(params CombinedLoss[] losses) =>
        from loss in Gen.OneOf(losses)
        from mode in Gen.Enum<ContrastMode>()
        from similarity in Gen.Enum<SimilarityMeasure>()
        from temperature in Gen.OneOf(0.05, 0.3, 1.0)
        from learned in Gen.Bool
        from size in Gen.Frequency(
            (2, Gen.Const(1)), (3, Gen.Const(2)), (8, Gen.Int[3, 7]), (3, Gen.Const(33)), (1, Gen.Const(130)))
        from otherSize in Gen.Frequency((1, Gen.Const(1)), (4, Gen.Int[2, 8]), (1, Gen.Const(34)))
        from square in Gen.Bool
        from width in Gen.Int[1, 5]
        from types in Gen.Int[0, 4]
        from layout in Gen.Enum<Layout>()
        from wanted in Gen.Frequency((4, Gen.Const(Wanted.Both)), (3, Gen.Enum<Wanted>()))
        from pairs in Gen.Frequency((3, Gen.Const(PairKinds.Unsaid)), (6, Gen.Enum<PairKinds>()))
        from exclude in OneIn(4)
        from mapIds in OneIn(6)
        from biasRank in Gen.Frequency((2, Gen.Const(0)), (1, Gen.Int[1, 2]))
        from offset in Gen.Frequency((3, Gen.Const(0)), (1, Gen.Int[1, 2]))
        from ids in Gen.Enum<IdKind>()
        from int32 in OneIn(4)
        from sum in Gen.Enum<PositiveSum>()
        from sampling in Gen.Enum<PositiveSampling>()
        from missing in Gen.Frequency((3, Gen.Const(MissingPairs.Skip)), (1, Gen.Const(MissingPairs.Throw)))
        from reduction in Gen.Enum<nn.Reduction>()
        from eStep in Gen.Enum<EStep>()
        from schedule in Gen.Int[0, 2]
        from include in Gen.Bool
        from population in Gen.Bool
        from capacity in Gen.OneOf(1, 3, 8, 40)
        from byHand in OneIn(4)
        from reverse in Gen.Bool
        from way in Gen.Frequency((3, Gen.Const(Way.Evaluate)), (2, Gen.Enum<Way>()))
        from part in Gen.Int[1, 12]
        from whole in OneIn(3)
        from rows in Gen.Int[1, 9]
        from columns in Gen.Int[1, 9]
        from budget in Gen.OneOf(0L, 300, 1 << 20)
        from evaluation in Gen.Int[0, 5]
        from steps in Gen.Int[3, 4]
        from seed in Gen.Int[0, 1_000_000]
        select new Combination
        {
            Loss = loss,
            Mode = mode,
            Similarity = similarity,
            Temperature = temperature,
            Learned = learned,
            Anchors = size,
            Candidates = square ? size : otherSize,
            Width = width,
            Float64 = types > 1,
            State64 = types != 0 && types != 2,
            Layout = layout,
            Wanted = wanted,
            Pairs = pairs,
            Exclude = exclude,
            MapIds = mapIds,
            BiasRank = biasRank,
            Offset = offset,
            Ids = ids,
            Int32Ids = int32,
            PositiveSum = sum,
            PositiveSampling = sampling,
            MissingPairs = missing,
            Reduction = reduction,
            EStep = eStep,
            Schedule = schedule,
            IncludeCurrentBatch = include,
            SayPopulation = population,
            Capacity = capacity,
            EnqueueByHand = byHand,
            ReverseOfItsOwn = reverse,
            Way = way,
            // Some tiles of a large batch, not thousands.
            Part = part * (1 + (size / 16)),
            TileRows = whole ? 0 : rows * (1 + (size / 16)),
            TileColumns = whole ? 0 : columns * (1 + (size / 16)),
            MemoryBudget = budget,
            EvaluationStep = evaluation,
            Steps = steps,
            Seed = seed,
        }.ThatFits();

    /// <summary>The same without what the library refuses, or says nothing of.</summary>
    private Combination ThatFits()
    {
        var c = this;
        var isGamma = c.Loss != CombinedLoss.InfoNCE;
        if (c.Way == Way.Pieces && !isGamma) c = c with { Way = Way.Evaluate };
        if (c.Way == Way.Accumulation && !isGamma) c = c with { Way = Way.CachedGradients };
        // Blocks are summed, and each direction's E-step is a call of its own.
        if (c.Way == Way.Pieces) c = c with { MissingPairs = MissingPairs.Skip, EnqueueByHand = false };
        if (c.Way != Way.Evaluate && c.Reduction == nn.Reduction.None) c = c with { Reduction = nn.Reduction.Mean };

        // A picture with its caption, or with two.
        if (c.Way is Way.CachedGradients or Way.Accumulation) c = c with { Candidates = c.Anchors * (c.Candidates > c.Anchors ? 2 : 1) };
        if (c.Mode == ContrastMode.TwoViews
            || c.Layout == Layout.One
            || (c.Mode == ContrastMode.Symmetric && c.Reduction == nn.Reduction.None))
        {
            c = c with { Candidates = c.Anchors };
        }
        // Row i belongs to row i there too, which has to be said.
        if (c.Pairs == PairKinds.Unsaid && c.Candidates != c.Anchors) c = c with { Pairs = PairKinds.Diagonal };
        if (c.Pairs == PairKinds.Unsaid) c = c with { Exclude = false, MapIds = false, BiasRank = 0, Offset = 0 };
        if (c.Loss == CombinedLoss.Queue) c = c with { BiasRank = 0 };

        // A table needs the anchors' ids.
        if (c.Loss == CombinedLoss.Table && !c.HasIds) c = c with { Ids = IdKind.OfAnchorsAlone };
        if (c.Ids == IdKind.OfAnchorsAlone && (c.Rows == c.Columns || (c.Loss == CombinedLoss.Table && c.Mode == ContrastMode.Symmetric)))
            c = c with { Ids = IdKind.Repeated };
        // Ids are refused with a block from within a map.
        if (c.HasIds && c.Ids != IdKind.OfAnchorsAlone) c = c with { Offset = 0 };

        if (c.Layout is Layout.One or Layout.PartsOfOne && c.Wanted is Wanted.OfAnchors or Wanted.OfCandidates) c = c with { Wanted = Wanted.Both };
        if (c.Way is Way.CachedGradients or Way.Accumulation && (c.Wanted == Wanted.NoGraph || (c.Wanted == Wanted.NoFeatures && !c.Learned)))
            c = c with { Wanted = Wanted.Both };
        return c;
    }

    public Tiling Tiling => TileRows == 0 ? AnyTiling.Whole : AnyTiling.Tiles(TileRows, TileColumns, MemoryBudget);

    public ContrastiveLoss CreateLoss(Temperature temperature, TorchSharp.torch.Generator generator)
    {
        ContrastiveLoss loss = Loss == CombinedLoss.InfoNCE
            ? new InfoNCELoss(temperature, Mode, Similarity, PositiveSum, MissingPairs, Reduction)
            : new GammaContrastiveLoss(
                CreateEstimator(reverse: false), temperature, Mode, Similarity, EStep, generator, PositiveSampling, MissingPairs, Reduction,
                HasReverseOfItsOwn ? CreateEstimator(reverse: true) : null);
        loss.Tiling = Tiling;
        return loss;
    }

    private bool HasReverseOfItsOwn => ReverseOfItsOwn && Mode == ContrastMode.Symmetric;

    // A reverse estimator of its own has other settings.
    private int SamplesOf(bool reverse) => Samples + (reverse && HasReverseOfItsOwn ? 2 : 0);

    private int CapacityOf(bool reverse) => Capacity + (reverse && HasReverseOfItsOwn ? 1 : 0);

    private long? PopulationOf(bool reverse) => SayPopulation ? SamplesOf(reverse) + 100 : null;

    private PartitionEstimator CreateEstimator(bool reverse)
    {
        var dtype = State64 ? ScalarType.Float64 : ScalarType.Float32;
        return Loss switch
        {
            CombinedLoss.Table => new PartitionTable(
                SamplesOf(reverse), Schedules[Schedule].Schedule, IncludeCurrentBatch, PopulationOf(reverse), dtype),
            CombinedLoss.Queue => new PartitionQueue(CapacityOf(reverse), Width, PopulationOf(reverse), !EnqueueByHand, dtype),
            _ => new BatchPartition(PopulationOf(reverse)),
        };
    }

    public ReferenceEstimator? CreateReferenceEstimator(bool reverse)
    {
        if (reverse && Mode != ContrastMode.Symmetric) return null;
        return Loss switch
        {
            CombinedLoss.InfoNCE => null,
            CombinedLoss.Table => new ReferenceTable(
                SamplesOf(reverse), Schedules[Schedule].Rho, IncludeCurrentBatch, PopulationOf(reverse) ?? SamplesOf(reverse)),
            CombinedLoss.Queue => new ReferenceQueue(CapacityOf(reverse), PopulationOf(reverse), !EnqueueByHand),
            _ => new ReferenceBatch(PopulationOf(reverse)),
        };
    }
}
