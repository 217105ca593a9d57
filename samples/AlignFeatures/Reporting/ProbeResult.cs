namespace Contrastive.Samples.AlignFeatures.Reporting;

/// <summary>How well the labels can be read off some of the embeddings, as accuracies on the held-out items.</summary>
/// <param name="Features">Whose: "first", "second", "both", and more with independent features.</param>
/// <param name="Linear">A linear probe on all training items.</param>
/// <param name="Linear10">On ten items a class, the mean over draws; NaN where a class has fewer.</param>
/// <param name="Linear5">On five.</param>
/// <param name="Linear1">On one.</param>
/// <param name="Neighbors">The nearest neighbours among the training items.</param>
public sealed record ProbeResult(
    string Features, double Linear, double Linear10, double Linear5, double Linear1, double Neighbors)
{
    /// <summary>Every figure with the name it has in the summary.</summary>
    public static IReadOnlyList<(string Name, Func<ProbeResult, double> Value)> Figures { get; } =
    [
        ("linear", probe => probe.Linear),
        ("linear_10", probe => probe.Linear10),
        ("linear_5", probe => probe.Linear5),
        ("linear_1", probe => probe.Linear1),
        ("neighbors", probe => probe.Neighbors),
    ];
}
