namespace Contrastive.Evaluation;

/// <summary>A caller's statistic of the items of the groups drawn.</summary>
internal sealed class ResampledStatistic(Func<IReadOnlyList<int>, double> statistic, int[][] groups) : IResampled
{
    private readonly List<int> _items = [];

    public int Groups => groups.Length;

    public double Of(int[] drawn) => Of((IEnumerable<int>)drawn);

    public double Without(int group) => Of(Enumerable.Range(0, groups.Length).Where(other => other != group));

    private double Of(IEnumerable<int> drawn)
    {
        _items.Clear();
        foreach (int group in drawn)
            _items.AddRange(groups[group]);
        return statistic(_items);
    }
}
