using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Tests;

internal enum PairKind
{
    Positive,
    Negative,
    Excluded,
}

/// <summary>A pair map together with what it should say of every pair, written out.</summary>
/// <param name="Name">How it was made.</param>
/// <param name="Map">The map.</param>
/// <param name="Kinds">What each pair is.</param>
/// <param name="Bias">What is added to its similarity.</param>
/// <param name="Own">Anchor i's own candidate, (i, i) of the whole that a block is of, is candidate i + Own.</param>
internal sealed record PairCase(string Name, PairMap Map, PairKind[,] Kinds, double[,] Bias, int Own = 0)
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
        return new PairCase(Name + " transposed", Map.Transpose(), kinds, bias, -Own);
    }

    public PairCase Block(int firstAnchor, int anchors, int firstCandidate, int candidates)
    {
        var kinds = new PairKind[anchors, candidates];
        var bias = new double[anchors, candidates];
        for (var i = 0; i < anchors; i++)
        {
            for (var j = 0; j < candidates; j++)
            {
                kinds[i, j] = Kinds[firstAnchor + i, firstCandidate + j];
                bias[i, j] = Bias[firstAnchor + i, firstCandidate + j];
            }
        }
        return new PairCase(
            $"{Name}, block from ({firstAnchor}, {firstCandidate})", Map.Block(firstAnchor, anchors, firstCandidate, candidates), kinds, bias,
            Own + firstAnchor - firstCandidate);
    }

    public PairCase Without(bool[,] pairs)
    {
        var kinds = (PairKind[,])Kinds.Clone();
        for (var i = 0; i < Anchors; i++)
        {
            for (var j = 0; j < Candidates; j++)
            {
                if (pairs[i, j]) kinds[i, j] = PairKind.Excluded;
            }
        }
        return this with { Map = Map.Exclude(tensor(pairs)), Kinds = kinds };
    }

    /// <summary>Pairs of one sample, as a loss says it that is given the ids, are no negatives. The map stays as it is.</summary>
    public PairCase OfSamples(long[] anchorIds, long[] candidateIds)
    {
        var kinds = (PairKind[,])Kinds.Clone();
        for (var i = 0; i < Anchors; i++)
        {
            for (var j = 0; j < Candidates; j++)
            {
                if (anchorIds[i] == candidateIds[j] && kinds[i, j] == PairKind.Negative) kinds[i, j] = PairKind.Excluded;
            }
        }
        return this with { Name = Name + ", samples", Kinds = kinds };
    }

    public bool IsComplete(int anchor)
        => Row(anchor).Contains(PairKind.Positive) && Row(anchor).Contains(PairKind.Negative);

    /// <summary>
    /// Whether InfoNCE is defined: several positives outside the logarithm are contrasted with each other, and of labels the published
    /// loss asks for a positive only.
    /// </summary>
    public bool IsComplete(int anchor, PositiveSum sum)
    {
        var positives = Positives(anchor);
        return IsComplete(anchor)
            || (positives > 1 && sum == PositiveSum.OutsideLog)
            || (positives > 0 && Name.StartsWith("labels", StringComparison.Ordinal));
    }

    /// <summary>Whether a pair stands for itself alone in the partition function.</summary>
    public bool IsKnown(int anchor, int candidate, PositiveSampling sampling)
        => Kinds[anchor, candidate] == PairKind.Positive && (sampling == PositiveSampling.Complete || candidate == anchor + Own);

    /// <summary>Whether an anchor has a positive, and a candidate that stands for the rest of the population.</summary>
    public bool IsComplete(int anchor, PositiveSampling sampling)
        => Positives(anchor) > 0
            && Enumerable.Range(0, Candidates).Any(j => Kinds[anchor, j] != PairKind.Excluded && !IsKnown(anchor, j, sampling));

    public int Positives(int anchor) => Row(anchor).Count(kind => kind == PairKind.Positive);

    public T[] EachAnchor<T>(Func<int, T> of) => [.. Enumerable.Range(0, Anchors).Select(of)];

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

    /// <summary>
    /// A diagonal (0), two views (1), a mask (2), labels of one set (3) or of two (4), or negatives (5). Those of one set have as
    /// many candidates as anchors, whatever m is, and two views an even number.
    /// </summary>
    public static PairCase Create(int variant, int n, int m, int seed, bool exclude, bool ids, int biasRank)
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
                var marked = mask.data<bool>().ToArray();
                (name, map, positive) = ("mask", PairMap.FromMask(mask), (i, j) => marked[(i * m) + j]);
                break;
            case 3:
                var labels = Draw.Integers(seed, 3, n);
                var classes = labels.data<long>().ToArray();
                (name, map, m) = ("labels of one set", PairMap.FromLabels(labels), n);
                positive = (i, j) => classes[i] == classes[j];
                excluded = (i, j) => i == j;
                break;
            case 4:
                var (left, right) = (Draw.Integers(seed, 3, n), Draw.Integers(seed + 1, 3, m));
                (name, map) = ("labels of two sets", PairMap.FromLabels(left, right));
                positive = SameIn(left, right);
                break;
            default:
                (name, map, positive) = ("negatives", PairMap.Negatives(n, m), (_, _) => false);
                break;
        }

        if (exclude)
        {
            var mask = Draw.Mask(seed + 2, 0.2, n, m);
            var (before, marked) = (excluded, mask.data<bool>().ToArray());
            (name, map, excluded) = (name + ", mask", map.Exclude(mask), (i, j) => before(i, j) || marked[(i * m) + j]);
        }
        Func<int, int, bool> same = (_, _) => false;
        if (ids)
        {
            var (left, right) = (Draw.Integers(seed + 3, 4, n), Draw.Integers(seed + 4, 4, m));
            (name, map, same) = (name + ", ids", map.WithSampleIds(left, right), SameIn(left, right));
        }

        var bias = new double[n, m];
        if (biasRank > 0)
        {
            var values = biasRank == 1 ? Draw.Normal(seed + 5, m) : Draw.Normal(seed + 5, n, m);
            (name, map) = (name + ", bias", map.WithLogitBias(values));
            var flat = values.data<double>().ToArray();
            for (var i = 0; i < n; i++)
                for (var j = 0; j < m; j++)
                    bias[i, j] = biasRank == 1 ? flat[j] : flat[(i * m) + j];
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

    private static Func<int, int, bool> SameIn(Tensor left, Tensor right)
    {
        var (anchors, candidates) = (left.data<long>().ToArray(), right.data<long>().ToArray());
        return (i, j) => anchors[i] == candidates[j];
    }
}
