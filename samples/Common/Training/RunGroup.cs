using System.Text.Json.Serialization;
using Contrastive.Evaluation;

namespace Contrastive.Samples;

/// <summary>A run that is finished.</summary>
public interface IFinishedRun
{
    RunKey Key { get; }

    RunCurves Curves { get; }
}

/// <summary>The runs of one loss and structure at one batch size, in the order of the seeds.</summary>
public sealed record RunGroup<TRun>(string Structure, string Loss, int BatchSize, IReadOnlyList<TRun> Runs)
    where TRun : IFinishedRun
{
    public string Name => Runs[0].Key.Objective;

    public string FullName => Runs[0].Key.Group;

    public CurveStyle Style => LossColors.Of(Loss, Structure);

    /// <summary>What a figure gains over another group. Runs come in the order of the seeds, the same in every group.</summary>
    public PairedDifference Against(RunGroup<TRun> other, Func<TRun, double> figure)
        => PairedDifference.Of([.. Runs.Select(figure)], [.. other.Runs.Select(figure)]);

    public Spread Over(Func<TRun, double> figure) => Spread.Of(Runs.Select(figure));

    /// <summary>The mean of a figure over the epochs, with its spread where there are several runs.</summary>
    /// <param name="name">As the legend has it.</param>
    /// <param name="opacity">Less than 1 for all but one of the groups that share a colour.</param>
    public Curve Curve(string name, Func<RunCurves, IReadOnlyList<double>> figure, double opacity = 1)
    {
        var seen = Runs.Select(run => figure(run.Curves)).ToArray();
        var spreads = Enumerable.Range(0, seen[0].Count).Select(epoch => Spread.Of(seen.Select(run => run[epoch]))).ToArray();
        return new Curve(
            name,
            [.. spreads.Select((_, epoch) => epoch + 1.0)],
            [.. spreads.Select(spread => spread.Mean)],
            Runs.Count > 1 ? [.. spreads.Select(spread => spread.StandardDeviation)] : null,
            Style with { Opacity = opacity });
    }
}

/// <summary>A figure of a run, by its name in tables.</summary>
public sealed record Figure<TRun>(string Name, Func<TRun, double> Value, int Digits = 3);

/// <summary>Sorts runs into groups, and shows them.</summary>
public static class RunGroup
{
    public static IReadOnlyList<RunGroup<TRun>> Of<TRun>(IEnumerable<TRun> runs)
        where TRun : IFinishedRun
        => [.. runs.GroupBy(run => (run.Key.BatchSize, run.Key.Loss, run.Key.Structure))
            .Select(group => new RunGroup<TRun>(group.Key.Structure, group.Key.Loss, group.Key.BatchSize, [.. group]))];

    /// <summary>A row for each group, with the mean of each figure over the seeds and its spread.</summary>
    public static void Table<TRun>(
        IReadOnlyList<RunGroup<TRun>> groups, IReadOnlyList<Figure<TRun>> figures, TextWriter output, string between = " ± ")
        where TRun : IFinishedRun
    {
        var table = new ResultsTable(["loss", "B", .. figures.Select(figure => figure.Name)]);
        foreach (var group in groups)
            table.Row([group.Name, $"{group.BatchSize}", .. figures.Select(figure => group.Over(figure.Value).Text(figure.Digits, between))]);
        table.Write(output);
    }
}

/// <summary>One run of an experiment that compares losses, structures and batch sizes over seeds.</summary>
public sealed record RunKey(string Structure, string Loss, int BatchSize, long Seed)
{
    /// <summary>As a file is named for it.</summary>
    public string FileName => $"{(Structure == Structures.None ? "" : Structure + "-")}{Loss}-b{BatchSize}-s{Seed}";

    /// <summary>What it is trained with, whatever the batch size and the seed.</summary>
    [JsonIgnore]
    public string Objective => Structure == Structures.None ? Loss : $"{Loss} + {Structure}";

    /// <summary>What it has in common with the runs of other seeds.</summary>
    [JsonIgnore]
    public string Group => $"{Objective} B={BatchSize}";

    /// <summary>All runs, the structures and losses of a seed beside each other, so that an early look compares like with like.</summary>
    public static IReadOnlyList<RunKey> Grid(
        IReadOnlyList<string> structures, IReadOnlyList<string> losses, IReadOnlyList<int> batchSizes, IReadOnlyList<long> seeds)
        => [.. from seed in seeds
               from batch in batchSizes
               from loss in losses
               from structure in structures
               select new RunKey(structure, loss, batch, seed)];

    /// <summary>How many steps it takes; a last batch of an epoch that is not full is skipped.</summary>
    public long Steps(long items, int epochs) => epochs * (items / BatchSize);

    public override string ToString() => $"{Group} seed {Seed}";
}
