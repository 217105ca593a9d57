namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>One run of an experiment.</summary>
public sealed record RunKey(string Structure, string Loss, int BatchSize, long Seed)
{
    /// <summary>All runs, the structures and losses of a seed beside each other, so that an early look compares like with like.</summary>
    public static IReadOnlyList<RunKey> Grid(ShapesSettings settings)
        => [.. from seed in settings.Seeds
               from batch in settings.BatchSizes
               from loss in settings.Losses
               from structure in settings.Structures
               select new RunKey(structure, loss, batch, seed)];

    /// <summary>As a file is named for it.</summary>
    public string FileName => $"{(Structure == Structures.None ? "" : Structure + "-")}{Loss}-b{BatchSize}-s{Seed}";

    public override string ToString()
        => Structure == Structures.None ? $"{Loss} B={BatchSize} seed {Seed}" : $"{Loss} + {Structure} B={BatchSize} seed {Seed}";
}
