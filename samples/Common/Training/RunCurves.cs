using System.Text.Json.Serialization;

namespace Contrastive.Samples;

/// <summary>A quick look at items that are not trained on.</summary>
/// <param name="RecallAt1">The mean of both directions.</param>
/// <param name="ZeroShot">Zero-shot accuracy, where that is known.</param>
public sealed record Glance(double RecallAt1, double? ZeroShot = null);

/// <summary>What was seen of a run, epoch by epoch.</summary>
/// <param name="Terms">The mean of each term of the loss over each full epoch, by name.</param>
/// <param name="RecallAt1">Recall@1 after it, the mean of both directions.</param>
/// <param name="ZeroShot">Zero-shot accuracy after it; empty where that is not known.</param>
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

    /// <summary>The contrast between the modalities alone.</summary>
    [JsonIgnore]
    public IReadOnlyList<double> Objective => [.. Terms.Select(terms => terms[LossTerm.Objective])];

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
