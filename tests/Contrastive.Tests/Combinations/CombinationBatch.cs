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
        for (var attempt = 0; attempt < 1000; attempt++)
        {
            var batch = Draw(c, step, c.Seed + (1_000_003 * step) + (7919 * attempt));
            if (IsDefined(batch.Pairs) && (c.Mode != ContrastMode.Symmetric || IsDefined(batch.Pairs.Transpose()))) return batch;
        }
        throw new InvalidOperationException($"no pairs were found for {c}");

        // Several positives and nothing else: whether that is a loss is tested by itself.
        bool IsDefined(PairCase pairs) => !Enumerable.Range(0, pairs.Anchors).Any(i => pairs.Positives(i) > 1 && !IsComplete(pairs, i));

        bool IsComplete(PairCase pairs, int i)
            => c.Loss == CombinedLoss.InfoNCE ? pairs.IsComplete(i) : pairs.IsComplete(i, c.PositiveSampling);
    }

    private static CombinationBatch Draw(Combination c, int step, int seed)
    {
        var pairs = PairsOf(c, seed);
        var (given, givenOthers) = IdsOf(c, step, seed);
        long[]? ids = given, others = givenOthers ?? (c.Anchors == c.Candidates ? given : null);
        if (c.Mode == ContrastMode.TwoViews && ids is not null) ids = others = [.. ids, .. others!];
        if (ids is not null && others is not null) pairs = pairs.OfSamples(ids, others);
        return new CombinationBatch(
            pairs, ids, others, c.Pairs == PairKinds.Unsaid ? null : pairs.Map, Tensor(given), Tensor(givenOthers));

        Tensor? Tensor(long[]? values) => values is null ? null : tensor(values).to(c.Int32Ids ? ScalarType.Int32 : ScalarType.Int64);
    }

    private static PairCase PairsOf(Combination c, int seed)
    {
        var (rows, columns) = (c.Rows, c.Columns);
        var kind = c.Pairs != PairKinds.Unsaid ? c.Pairs : c.Mode == ContrastMode.TwoViews ? PairKinds.TwoViews : PairKinds.Diagonal;
        var (n, m) = (rows + c.Offset, columns + (c.Offset / 2));
        if (kind is PairKinds.Diagonal or PairKinds.TwoViews or PairKinds.LabelsOfOneSet) n = m = Math.Max(n, m);
        if (kind == PairKinds.TwoViews) n = m = n + (n % 2);
        var pairs = PairCase.Create((int)kind, n, m, seed, c.Exclude, c.MapIds, c.BiasRank);
        return pairs.Anchors == rows && pairs.Candidates == columns ? pairs : pairs.Block(c.Offset, rows, c.Offset / 2, columns);
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
