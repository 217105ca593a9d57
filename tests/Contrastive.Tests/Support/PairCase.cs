using CsCheck;

namespace Contrastive.Tests;

internal enum PairKind
{
    Positive,
    Negative,
    Excluded,
}

/// <summary>A pair map together with what it should say of every pair, written out.</summary>
internal sealed record PairCase(string Name, PairMap Map, PairKind[,] Kinds, double[,] Bias)
{
    public int Anchors => Kinds.GetLength(0);

    public int Candidates => Kinds.GetLength(1);

    public PairCase Transpose()
    {
        var kinds = new PairKind[Candidates, Anchors];
        var bias = new double[Candidates, Anchors];
        for (var i = 0; i < Anchors; i++)
        {
            for (var j = 0; j < Candidates; j++)
            {
                kinds[j, i] = Kinds[i, j];
                bias[j, i] = Bias[i, j];
            }
        }
        return new PairCase(Name + " transposed", Map.Transpose(), kinds, bias);
    }

    public bool IsComplete(int anchor)
        => Row(anchor).Contains(PairKind.Positive) && Row(anchor).Contains(PairKind.Negative);

    /// <summary>
    /// Whether InfoNCE is defined: several positives outside the logarithm are contrasted with each other, and of labels the published
    /// loss asks for a positive only.
    /// </summary>
    public bool IsComplete(int anchor, PositiveSum sum)
    {
        var positives = Row(anchor).Count(kind => kind == PairKind.Positive);
        return IsComplete(anchor) || (sum == PositiveSum.OutsideLog && (positives > 1 || (positives == 1 && Name.StartsWith("labels", StringComparison.Ordinal))));
    }

    public IEnumerable<PairKind> Row(int anchor) => Enumerable.Range(0, Candidates).Select(j => Kinds[anchor, j]);

    /// <summary>Every way to make a map, with exclusions, sample ids and biases on top, at random.</summary>
    public static readonly Gen<Func<PairCase>> Any =
        from variant in Gen.Int[0, 5]
        from n in Gen.Int[1, 6]
        from m in Gen.Int[1, 6]
        from seed in Gen.Int[0, 1_000_000]
        from exclude in Gen.Bool
        from ids in Gen.Bool
        from bias in Gen.Int[0, 2]
        select (Func<PairCase>)(() => Create(variant, n, m, seed, exclude, ids, bias));

    /// <summary>The same, for as many anchors as candidates.</summary>
    public static readonly Gen<Func<PairCase>> Square =
        from variant in Gen.Int[0, 5]
        from n in Gen.Int[1, 6]
        from seed in Gen.Int[0, 1_000_000]
        from exclude in Gen.Bool
        from ids in Gen.Bool
        from bias in Gen.Int[0, 2]
        select (Func<PairCase>)(() => Create(variant, n, n, seed, exclude, ids, bias));

    private static PairCase Create(int variant, int n, int m, int seed, bool exclude, bool ids, int biasRank)
    {
        string name;
        PairMap map;
        Func<int, int, bool> positive;
        Func<int, int, bool> excluded = (_, _) => false;
        switch (variant)
        {
            case 0:
                (name, map, m, positive) = ("diagonal", PairMap.Diagonal(n), n, (i, j) => i == j);
                break;
            case 1:
                var half = Math.Max(1, n / 2);
                n = m = 2 * half;
                (name, map, positive) = ("two views", PairMap.TwoViews(half), (i, j) => Math.Abs(i - j) == half);
                excluded = (i, j) => i == j;
                break;
            case 2:
                var mask = Draw.Mask(seed, 0.4, n, m);
                (name, map, positive) = ("mask", PairMap.FromMask(mask), (i, j) => mask[i, j].item<bool>());
                break;
            case 3:
                var labels = Draw.Integers(seed, 3, n);
                (name, map, m) = ("labels of one set", PairMap.FromLabels(labels), n);
                positive = (i, j) => labels[i].item<long>() == labels[j].item<long>();
                excluded = (i, j) => i == j;
                break;
            case 4:
                var (left, right) = (Draw.Integers(seed, 3, n), Draw.Integers(seed + 1, 3, m));
                (name, map) = ("labels of two sets", PairMap.FromLabels(left, right));
                positive = (i, j) => left[i].item<long>() == right[j].item<long>();
                break;
            default:
                (name, map, positive) = ("negatives", PairMap.Negatives(n, m), (_, _) => false);
                break;
        }

        if (exclude)
        {
            var mask = Draw.Mask(seed + 2, 0.2, n, m);
            var before = excluded;
            (name, map, excluded) = (name + ", mask", map.Exclude(mask), (i, j) => before(i, j) || mask[i, j].item<bool>());
        }
        Func<int, int, bool> same = (_, _) => false;
        if (ids)
        {
            var (left, right) = (Draw.Integers(seed + 3, 4, n), Draw.Integers(seed + 4, 4, m));
            (name, map, same) = (name + ", ids", map.WithSampleIds(left, right), (i, j) => left[i].item<long>() == right[j].item<long>());
        }

        var bias = new double[n, m];
        if (biasRank > 0)
        {
            var values = biasRank == 1 ? Draw.Normal(seed + 5, m) : Draw.Normal(seed + 5, n, m);
            (name, map) = (name + ", bias", map.WithLogitBias(values));
            for (var i = 0; i < n; i++)
                for (var j = 0; j < m; j++)
                    bias[i, j] = (biasRank == 1 ? values[j] : values[i, j]).item<double>();
        }

        var kinds = new PairKind[n, m];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < m; j++)
            {
                kinds[i, j] = excluded(i, j) ? PairKind.Excluded
                    : positive(i, j) ? PairKind.Positive
                    : same(i, j) ? PairKind.Excluded
                    : PairKind.Negative;
            }
        }
        return new PairCase(name, map, kinds, bias);
    }
}
