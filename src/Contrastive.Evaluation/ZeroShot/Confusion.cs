using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// How many rows of each class were taken for each class. Only pairs that occur are kept: with tens of thousands of classes the
/// whole table would not fit. A row whose best score several classes share counts for each by its share.
/// </summary>
internal sealed class Confusion(long[] labels)
{
    private readonly Dictionary<(long Label, long Predicted), double> _rows = [];

    /// <param name="start">The first of the rows.</param>
    /// <param name="best">Which classes have the best score of each row, (length, C) bool.</param>
    public void Add(long start, Tensor best)
    {
        using var scope = NewDisposeScope();
        long[] ties = best.sum(dim: 1).cpu().data<long>().ToArray();
        long[] places = best.nonzero().cpu().data<long>().ToArray();                             // row, class, row, class, …
        for (int i = 0; i < places.Length; i += 2)
        {
            var key = (labels[start + places[i]], places[i + 1]);
            _rows[key] = _rows.GetValueOrDefault(key) + (1.0 / ties[places[i]]);
        }
    }

    /// <summary>Rows are labels, columns what they were taken for.</summary>
    public double[,] Table(long classes)
    {
        double[,] table = new double[classes, classes];
        foreach (var ((label, predicted), count) in _rows)
            table[label, predicted] = count;
        return table;
    }
}
