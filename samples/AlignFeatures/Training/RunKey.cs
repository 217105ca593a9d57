namespace Contrastive.Samples.AlignFeatures.Training;

/// <summary>One run of the experiment.</summary>
public sealed record RunKey(string Loss, int BatchSize, long Seed)
{
    /// <summary>All runs, the losses of a seed beside each other, so that an early look compares like with like.</summary>
    public static IReadOnlyList<RunKey> Grid(AlignSettings settings)
        => [.. from seed in settings.Seeds from batch in settings.BatchSizes from loss in settings.Losses select new RunKey(loss, batch, seed)];

    public override string ToString() => $"{Loss} B={BatchSize} seed {Seed}";
}
