namespace Contrastive.Samples.AlignFeatures.Reporting;

/// <summary>How well the labels can be read off some of the embeddings, as accuracies on the held-out items.</summary>
/// <param name="Features">Whose: "first", "second", "both", and more with independent features.</param>
/// <param name="Linear">A linear probe on all training items; NaN where they are all of one class.</param>
/// <param name="Linear10">On ten items a class, the mean over draws; NaN where a class has fewer as well.</param>
/// <param name="Linear5">On five.</param>
/// <param name="Linear1">On one.</param>
/// <param name="Neighbors">The nearest neighbours among the training items.</param>
public sealed record ProbeResult(
    string Features, double Linear, double Linear10, double Linear5, double Linear1, double Neighbors)
{
    /// <summary>Every figure with the name it has in the summary, and why it may be NaN.</summary>
    public static IReadOnlyList<ProbeFigure> Figures { get; } =
    [
        new("linear", probe => probe.Linear, "the training items are all of one class"),
        new("linear_10", probe => probe.Linear10, "a class has fewer than 10 training items"),
        new("linear_5", probe => probe.Linear5, "a class has fewer than 5 training items"),
        new("linear_1", probe => probe.Linear1, "the training items are all of one class"),
        new("neighbors", probe => probe.Neighbors, ""),
    ];
}

/// <param name="Name">As the summary has it.</param>
/// <param name="Value">The accuracy.</param>
/// <param name="WhyNot">Why it may not be to be had.</param>
public sealed record ProbeFigure(string Name, Func<ProbeResult, double> Value, string WhyNot);
