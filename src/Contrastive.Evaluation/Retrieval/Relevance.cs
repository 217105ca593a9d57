namespace Contrastive.Evaluation;

/// <summary>Which candidates are relevant to each query, and how much.</summary>
internal sealed class Relevance
{
    private static readonly int[] None = [];

    private readonly int[]? _groupOfRow;
    private readonly int[][] _groups;
    private readonly double[][]? _grades;

    private Relevance(int[]? groupOfRow, int[][] groups, double[][]? grades, bool excludeSelf = false)
        => (_groupOfRow, _groups, _grades, ExcludesSelf) = (groupOfRow, groups, grades, excludeSelf);

    /// <summary>Whether queries and candidates are one set, and none is a candidate for itself.</summary>
    public bool ExcludesSelf { get; }

    public int Rows => _groupOfRow?.Length ?? _groups.Length;

    /// <summary>Whether grades other than 1 are known.</summary>
    public bool IsGraded => _grades is not null;

    /// <summary>The most relevant candidates that a query has.</summary>
    public int Most => _groups.Max(group => group.Length);

    /// <summary>How many pairs of a query and a relevant candidate there are, itself not counted.</summary>
    public long Pairs => Enumerable.Range(0, Rows).Sum(row => (long)Count(row));

    /// <summary>Row i of one side belongs to row i of the other.</summary>
    public static Relevance OneToOne(long rows) => new(null, [.. Enumerable.Range(0, (int)rows).Select(row => (int[])[row])], null);

    /// <summary>Rows with the same id belong together.</summary>
    public static Relevance ById(long[] queryIds, long[] candidateIds, bool excludeSelf = false)
    {
        var places = new Dictionary<long, int>();
        List<int[]> groups = [];
        foreach (var group in Enumerable.Range(0, candidateIds.Length).GroupBy(row => candidateIds[row]))
        {
            places[group.Key] = groups.Count;
            groups.Add([.. group]);
        }

        groups.Add(None);
        return new Relevance([.. queryIds.Select(id => places.GetValueOrDefault(id, groups.Count - 1))], [.. groups], null, excludeSelf);
    }

    /// <summary>Pairs and their grades; each pair once.</summary>
    public static Relevance Graded(long rows, int[] queries, int[] candidates, double[] grades)
    {
        var pairs = Enumerable.Range(0, queries.Length).ToLookup(pair => queries[pair]);
        int[][] order = [.. Enumerable.Range(0, (int)rows).Select(row => pairs[row].OrderBy(pair => candidates[pair]).ToArray())];
        return new Relevance(
            null,
            [.. order.Select(row => row.Select(pair => candidates[pair]).ToArray())],
            [.. order.Select(row => row.Select(pair => grades[pair]).ToArray())]);
    }

    /// <summary>The relevant candidates of a query, ascending; itself among them where it is one of the set.</summary>
    public int[] Of(long row) => _groups[_groupOfRow?[row] ?? row];

    /// <summary>The grade of each of them; 1 where there are none.</summary>
    public double Grade(long row, int place) => _grades?[row][place] ?? 1;

    /// <summary>How many a query has, itself not counted.</summary>
    public int Count(long row) => Of(row).Length - (ExcludesSelf ? 1 : 0);
}
