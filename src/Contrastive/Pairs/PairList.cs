using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// A few pairs off the diagonals, one by one: those of samples with several rows. A batch with a repeated id or two has a handful,
/// which are not worth a mask of all pairs.
/// </summary>
internal sealed class PairList
{
    /// <summary>So many pairs for each row are still fewer than a pass over a mask.</summary>
    private const long MostPerRow = 8;

    private readonly (long Anchor, long Candidate)[] _pairs;

    private PairList((long Anchor, long Candidate)[] pairs)
    {
        _pairs = pairs;
        Array.Sort(_pairs);
    }

    /// <summary>The pairs with equal values that are not on one of some diagonals; null if there are many.</summary>
    /// <param name="anchors">(N) integers.</param>
    /// <param name="candidates">(M) integers.</param>
    /// <param name="diagonals">Each by its j - i.</param>
    /// <remarks>Waits for the device.</remarks>
    public static PairList? OfEqual(Tensor anchors, Tensor candidates, IReadOnlyCollection<long> diagonals)
    {
        // What is looked up is the shorter side: a queue has many times the batch's rows.
        if (anchors.size(0) < candidates.size(0))
            return OfEqual(candidates, anchors, [.. diagonals.Select(offset => -offset)])?.Transpose();

        var columns = Values(candidates);
        var rows = ReferenceEquals(anchors, candidates) ? columns : Values(anchors);
        var last = new Dictionary<long, int>(columns.Length);
        var previous = new int[columns.Length];     // The column before it with the same value, -1 for none.
        for (var j = 0; j < columns.Length; j++)
        {
            previous[j] = last.TryGetValue(columns[j], out var earlier) ? earlier : -1;
            last[columns[j]] = j;
        }
        var (pairs, most) = (new List<(long, long)>(), MostPerRow * (rows.Length + columns.Length));
        for (var i = 0; i < rows.Length; i++)
        {
            if (!last.TryGetValue(rows[i], out var j)) continue;
            for (; j >= 0; j = previous[j])
            {
                if (diagonals.Contains(j - i)) continue;
                if (pairs.Count == most) return null;
                pairs.Add((i, j));
            }
        }
        return new PairList([.. pairs]);
    }

    public bool IsEmpty => _pairs.Length == 0;

    /// <summary>These pairs and others, each once.</summary>
    public PairList And(PairList other) => new([.. _pairs.Union(other._pairs)]);

    public PairList Transpose() => new([.. _pairs.Select(pair => (pair.Candidate, pair.Anchor))]);

    /// <summary>The pairs of some anchors, counted from the first of them.</summary>
    public PairList Block(long firstAnchor, long anchors, long firstCandidate, long candidates) => new([.. Of(firstAnchor, anchors)
        .Where(pair => pair.Candidate >= firstCandidate && pair.Candidate < firstCandidate + candidates)
        .Select(pair => (pair.Anchor - firstAnchor, pair.Candidate - firstCandidate))]);

    /// <summary>How many pairs each anchor has, as many numbers as there are anchors.</summary>
    public double[] CountByAnchor(long anchors)
    {
        var counts = new double[anchors];
        foreach (var (anchor, _) in _pairs) counts[anchor]++;
        return counts;
    }

    /// <summary>Puts a value in the place of the pairs that lie in a tile.</summary>
    public void Fill_(Tensor tile, PairBlock block, double value)
    {
        var inside = Block(block.FirstAnchor, block.Anchors, block.FirstCandidate, block.Candidates)._pairs;
        if (inside.Length == 0) return;
        using var rows = tensor(Array.ConvertAll(inside, pair => pair.Anchor), device: tile.device);
        using var columns = tensor(Array.ConvertAll(inside, pair => pair.Candidate), device: tile.device);
        using var filling = tensor(value, dtype: tile.dtype, device: tile.device);
        tile.index_put_(filling, rows, columns);
    }

    private IEnumerable<(long Anchor, long Candidate)> Of(long firstAnchor, long anchors)
    {
        var start = Array.BinarySearch(_pairs, (firstAnchor, long.MinValue));
        for (var i = start < 0 ? ~start : start; i < _pairs.Length && _pairs[i].Anchor < firstAnchor + anchors; i++) yield return _pairs[i];
    }

    private static long[] Values(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return [.. tensor.detach().to(ScalarType.Int64, CPU).contiguous().data<long>()];
    }
}
