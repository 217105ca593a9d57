using static TorchSharp.torch;

namespace Contrastive.Tests.Combinations;

/// <summary>The pairs and samples of one step, as they are and as they are given.</summary>
/// <param name="Pairs">What each pair is, samples worked in.</param>
/// <param name="Ids">Of all rows that are anchors.</param>
/// <param name="CandidateIds">Of all rows that are candidates.</param>
/// <param name="GivenMap">What the loss is given.</param>
/// <param name="GivenIds">Likewise.</param>
/// <param name="GivenCandidateIds">Likewise.</param>
internal sealed record CombinationBatch(
    PairCase Pairs, long[]? Ids, long[]? CandidateIds, PairMap? GivenMap, Tensor? GivenIds, Tensor? GivenCandidateIds)
{
    /// <summary>The map with the samples worked in, of which blocks can be taken.</summary>
    public PairMap WholeMap => Ids is null || CandidateIds is null ? Pairs.Map : Pairs.Map.WithSampleIds(tensor(Ids), tensor(CandidateIds));

    public static CombinationBatch Draw(Combination c, int step)
    {
        var seed = c.Seed + (1_000_003 * step);
        var (given, givenOthers) = IdsOf(c, step, seed);
        long[]? ids = given, others = givenOthers ?? (c.Anchors == c.Candidates ? given : null);
        if (c.Mode == ContrastMode.TwoViews && ids is not null) ids = others = [.. ids, .. others!];

        var whole = Whole(c, seed);
        var pairs = Part(whole);
        var lone = Lone(c, pairs);
        if (lone.Cast<bool>().Any(x => x))
        {
            var mask = new bool[whole.Anchors, whole.Candidates];
            for (var i = 0; i < c.Rows; i++)
                for (var j = 0; j < c.Columns; j++)
                    mask[c.Offset + i, (c.Offset / 2) + j] = lone[i, j];
            pairs = Part(whole.Without(mask));
        }
        return new CombinationBatch(
            pairs, ids, others, c.Pairs == PairKinds.Unsaid ? null : pairs.Map, Tensor(given), Tensor(givenOthers));

        PairCase Part(PairCase of)
        {
            var part = of.Anchors == c.Rows && of.Candidates == c.Columns ? of : of.Block(c.Offset, c.Rows, c.Offset / 2, c.Columns);
            return ids is not null && others is not null ? part.OfSamples(ids, others) : part;
        }

        Tensor? Tensor(long[]? values) => values is null ? null : tensor(values).to(c.Int32Ids ? ScalarType.Int32 : ScalarType.Int64);
    }

    private static PairCase Whole(Combination c, int seed)
    {
        var kind = c.Pairs != PairKinds.Unsaid ? c.Pairs : c.Mode == ContrastMode.TwoViews ? PairKinds.TwoViews : PairKinds.Diagonal;
        var (n, m) = (c.Rows + c.Offset, c.Columns + (c.Offset / 2));
        if (kind is PairKinds.Diagonal or PairKinds.TwoViews or PairKinds.LabelsOfOneSet) n = m = Math.Max(n, m);
        if (kind == PairKinds.TwoViews) n = m = n + (n % 2);
        return PairCase.Create((int)kind, n, m, seed, c.Exclude, c.MapIds, c.BiasRank);
    }

    /// <summary>
    /// An anchor with several positives and nothing else keeps one: whether several are a loss is tested by itself.
    /// </summary>
    private static bool[,] Lone(Combination c, PairCase pairs)
    {
        var lone = new bool[pairs.Anchors, pairs.Candidates];
        Mark(pairs, (i, j) => lone[i, j] = true);
        if (c.Mode == ContrastMode.Symmetric) Mark(pairs.Transpose(), (j, i) => lone[i, j] = true);
        return lone;

        void Mark(PairCase map, Action<int, int> leave)
        {
            for (var i = 0; i < map.Anchors; i++)
            {
                if (c.Loss == CombinedLoss.InfoNCE ? map.IsComplete(i, c.PositiveSum) : map.IsComplete(i, c.PositiveSampling)) continue;
                foreach (var j in Enumerable.Range(0, map.Candidates).Where(j => map.Kinds[i, j] == PairKind.Positive).Skip(1)) leave(i, j);
            }
        }
    }

    private static (long[]? Ids, long[]? CandidateIds) IdsOf(Combination c, int step, int seed)
    {
        var (n, m) = (c.Anchors, c.Candidates);
        var (range, sayOthers) = (Math.Max(2, n / 2), n != m || step % 2 == 1);
        switch (c.Ids)
        {
            case IdKind.None:
                return (null, null);
            case IdKind.Distinct:
                var ids = Permutation(seed + 11)[..n];
                return (ids, !sayOthers ? null : n == m ? ids : Permutation(seed + 12)[..m]);
            case IdKind.Repeated:
                var repeated = Integers(seed + 11, n);
                return (repeated, !sayOthers ? null : n == m ? repeated : Integers(seed + 12, m));
            case IdKind.Different:
                return (Integers(seed + 11, n), Integers(seed + 12, m));
            default:
                return (Integers(seed + 11, n), null);
        }

        long[] Integers(int from, int count) => Contrastive.TestSupport.Draw.Integers(from, range, count).data<long>().ToArray();

        long[] Permutation(int from)
        {
            using var generator = new Generator((ulong)from);
            return randperm(c.Samples, generator: generator).data<long>().ToArray();
        }
    }
}
