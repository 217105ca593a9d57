using System.Text.Json.Serialization;

namespace Contrastive.Samples;

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
