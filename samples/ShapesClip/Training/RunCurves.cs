namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>A quick look at validation pairs.</summary>
/// <param name="RecallAt1">The mean of both directions.</param>
/// <param name="ZeroShot">Accuracy of shape and colour together, where the pictures' classes are known.</param>
public sealed record Glance(double RecallAt1, double? ZeroShot);

/// <summary>What was seen of a run, epoch by epoch.</summary>
/// <param name="Terms">The mean of each term of the loss over each full epoch, by name.</param>
/// <param name="RecallAt1">Recall@1 on validation pairs after it, the mean of both directions.</param>
/// <param name="ZeroShot">Zero-shot accuracy of shape and colour together on validation pictures; empty where classes are unknown.</param>
/// <param name="Underway">The sums of the terms over the steps of the epoch under way.</param>
/// <param name="Seconds">Training alone, without evaluation and writing.</param>
public sealed record RunCurves(
    IReadOnlyList<IReadOnlyDictionary<string, double>> Terms,
    IReadOnlyList<double> RecallAt1,
    IReadOnlyList<double> ZeroShot,
    IReadOnlyDictionary<string, double> Underway,
    double Seconds)
{
    private static readonly IReadOnlyDictionary<string, double> None = new Dictionary<string, double>();

    public static RunCurves Empty { get; } = new([], [], [], None, 0);

    public int Epochs => Terms.Count;

    public RunCurves WithStep(IReadOnlyList<LossTerm> terms, double seconds) => this with
    {
        Underway = terms.ToDictionary(term => term.Name, term => Underway.GetValueOrDefault(term.Name) + term.Value),
        Seconds = Seconds + seconds,
    };

    public RunCurves WithEpoch(long steps, Glance glance) => this with
    {
        Terms = [.. Terms, Underway.ToDictionary(term => term.Key, term => term.Value / steps)],
        RecallAt1 = [.. RecallAt1, glance.RecallAt1],
        ZeroShot = glance.ZeroShot is { } accuracy ? [.. ZeroShot, accuracy] : ZeroShot,
        Underway = None,
    };
}
