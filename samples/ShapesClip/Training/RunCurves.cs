namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>What was seen after each epoch of a run.</summary>
/// <param name="Terms">The mean of each term of the loss over the epoch, by name.</param>
/// <param name="RecallAt1">Recall@1 on validation pairs, the mean of both directions.</param>
/// <param name="ZeroShot">Zero-shot accuracy of shape and colour together on validation pictures.</param>
/// <param name="Seconds">Training alone, without evaluation and writing.</param>
public sealed record RunCurves(
    IReadOnlyList<IReadOnlyDictionary<string, double>> Terms, IReadOnlyList<double> RecallAt1, IReadOnlyList<double> ZeroShot, double Seconds)
{
    public static RunCurves Empty { get; } = new([], [], [], 0);

    public int Epochs => Terms.Count;

    public RunCurves With(IReadOnlyDictionary<string, double> terms, double recallAt1, double zeroShot, double seconds)
        => new([.. Terms, terms], [.. RecallAt1, recallAt1], [.. ZeroShot, zeroShot], Seconds + seconds);
}
