using Contrastive.Evaluation;

namespace Contrastive.Samples;

/// <summary>One group of runs against another, figure by figure, paired by seed.</summary>
public sealed record Comparison(string Treated, string Against, IReadOnlyDictionary<string, PairedDifference> Figures)
{
    /// <summary>
    /// Every other loss against the baseline at its own batch size and at larger ones, the baseline against itself at larger ones, and every structure
    /// against none. A figure that could not be measured with every seed is skipped.
    /// </summary>
    /// <param name="groups">All groups of an experiment.</param>
    /// <param name="figures">What can be compared with a group that has another structure, or the same.</param>
    /// <param name="larger">Against how many of the next larger batch sizes.</param>
    public static IReadOnlyList<Comparison> All<TRun>(
        IReadOnlyList<RunGroup<TRun>> groups, Func<RunGroup<TRun>, bool, IEnumerable<Figure<TRun>>> figures, int larger)
        where TRun : IFinishedRun
    {
        var sizes = groups.Select(group => group.BatchSize).Distinct().Order().ToList();
        return [.. from against in groups
                   from treated in groups
                   let step = sizes.IndexOf(against.BatchSize) - sizes.IndexOf(treated.BatchSize)
                   where treated.Structure == against.Structure
                       ? against.Loss == Losses.Baseline && step <= larger && step >= (treated.Loss == Losses.Baseline ? 1 : 0)
                       : against.Structure == Structures.None && treated.Loss == against.Loss && step == 0
                   orderby treated.BatchSize, treated.Loss == Losses.Baseline, against.BatchSize
                   let measured = figures(treated, treated.Structure != against.Structure)
                       .Where(figure => treated.Runs.Concat(against.Runs).All(run => double.IsFinite(figure.Value(run))))
                   select new Comparison(
                       treated.FullName, against.FullName, measured.ToDictionary(figure => figure.Name, figure => treated.Against(against, figure.Value)))];
    }

    /// <summary>Shows the differences; those of single runs say nothing.</summary>
    /// <param name="shown">Figures by their names; null for all.</param>
    public static void Write(IReadOnlyList<Comparison> comparisons, IReadOnlyList<string>? shown, TextWriter output)
    {
        if (comparisons.All(comparison => comparison.Figures.Values.All(figure => figure.Pairs < 2)))
            return;
        output.WriteLine();
        output.WriteLine("Differences paired by seed: mean, standard error, seeds that won, p of the t test");
        var table = new ResultsTable("difference", "figure", "mean", "error", "won", "p");
        foreach (var comparison in comparisons)
        {
            foreach (var (number, (name, difference)) in comparison.Figures.Where(figure => shown?.Contains(figure.Key) ?? true).Index())
            {
                var (mean, error, won, p) = ResultsTable.Cells(difference, 3);
                table.Row(number == 0 ? $"{comparison.Treated} - {comparison.Against}" : "", name, mean, error, won, p);
            }
        }

        table.Write(output);
    }
}
