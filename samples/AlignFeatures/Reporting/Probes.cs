using Contrastive.Evaluation;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures;

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
    internal static IReadOnlyList<(string Name, Func<ProbeResult, double> Value, string WhyNot)> Figures { get; } =
    [
        ("linear", probe => probe.Linear, "the training items are all of one class"),
        ("linear_10", probe => probe.Linear10, "a class has fewer than 10 training items"),
        ("linear_5", probe => probe.Linear5, "a class has fewer than 5 training items"),
        ("linear_1", probe => probe.Linear1, "the training items are all of one class"),
        ("neighbors", probe => probe.Neighbors, ""),
    ];
}

/// <summary>A figure that the data of some seeds do not give. It is a dash in tables, and compared with nothing.</summary>
/// <param name="Figure">By its name in the summary.</param>
/// <param name="Seeds">Those without it.</param>
public sealed record NotMeasured(string Figure, IReadOnlyList<long> Seeds, string Why)
{
    public static IReadOnlyList<NotMeasured> In(IReadOnlyList<FinishedRun> runs)
        => [.. from figure in ProbeResult.Figures
               let seeds = (from run in runs
                            where run.Result.Probes.Any(probe => double.IsNaN(figure.Value(probe)))
                            select run.Key.Seed).Distinct().Order().ToArray()
               where seeds.Length > 0
               select new NotMeasured(figure.Name, seeds, figure.WhyNot)];

    public override string ToString() => $"-: {Figure} was not measured: with seed {string.Join(", ", Seeds)} {Why}";
}

/// <summary>What the towers make of some items: the features of both sides, and (N) class ids.</summary>
internal sealed record Encoded(ModalityFeatures Left, ModalityFeatures Right, Tensor Labels);

/// <summary>Probes for the labels, on what the towers make of the training items and of those held out.</summary>
internal static class LabelProbes
{
    /// <param name="draws">How often the items of a few-shot probe are drawn.</param>
    /// <param name="random">Draws the validation split and the few-shot items; the same for every loss of a seed.</param>
    public static IReadOnlyList<ProbeResult> Measure(Encoded train, Encoded test, int draws, Func<Generator> random)
        => [.. Sets(train).Zip(Sets(test), (fit, held)
            => Measure(fit.Name, fit.Features, train.Labels, held.Features, test.Labels, draws, random))];

    /// <summary>
    /// Each side's shared features, and both. Where there are independent ones, "both" has them too: everything the towers know
    /// of an item; "shared" is then what compares with a run that has none.
    /// </summary>
    private static IEnumerable<(string Name, Tensor Features)> Sets(Encoded items)
    {
        var (left, right) = (items.Left, items.Right);
        yield return ("first", Together(left.Shared));
        yield return ("second", Together(right.Shared));
        if (left.Independent is null || right.Independent is null)
        {
            yield return ("both", Together(left.Shared, right.Shared));
            yield break;
        }

        yield return ("shared", Together(left.Shared, right.Shared));
        yield return ("first independent", Together(left.Independent));
        yield return ("second independent", Together(right.Independent));
        yield return ("first all", Together(left.Shared, left.Independent));
        yield return ("second all", Together(right.Shared, right.Independent));
        yield return ("independent", Together(left.Independent, right.Independent));
        yield return ("both", Together(left.Shared, right.Shared, left.Independent, right.Independent));
    }

    private static Tensor Together(params Tensor[] features) => cat([.. features.Select(x => nn.functional.normalize(x, dim: 1))], 1);

    private static ProbeResult Measure(
        string name, Tensor train, Tensor trainLabels, Tensor test, Tensor testLabels, int draws, Func<Generator> random)
    {
        var (_, _, perClass) = trainLabels.unique(return_counts: true);
        var (classes, fewest) = (perClass!.shape[0], perClass.min().item<long>());
        return new ProbeResult(name, Full(), FewShot(10), FewShot(5), FewShot(1), Neighbors());

        double Full()
        {
            if (classes < 2) return double.NaN;
            using var generator = random();
            return LinearProbe.Evaluate(train, trainLabels, test, testLabels, generator: generator).Accuracy;
        }

        double FewShot(int shots)
        {
            if (classes < 2 || fewest < shots) return double.NaN;
            using var generator = random();
            return LinearProbe.FewShot(train, trainLabels, test, testLabels, shots, draws, generator: generator).Mean;
        }

        double Neighbors() => NearestNeighborProbe.Evaluate(train, trainLabels, test, testLabels).Accuracy;
    }
}
