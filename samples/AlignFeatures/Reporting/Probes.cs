using Contrastive.Evaluation;
using Contrastive.Modality;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Reporting;

/// <summary>Probes for the labels, on what the towers make of the training items and of those held out.</summary>
internal static class Probes
{
    /// <param name="train">The features of both sides, training items.</param>
    /// <param name="trainLabels">(N) class ids.</param>
    /// <param name="test">The features of both sides, items held out.</param>
    /// <param name="testLabels">(M) class ids.</param>
    /// <param name="draws">How often the items of a few-shot probe are drawn.</param>
    /// <param name="random">Draws the validation split and the few-shot items; the same for every loss of a seed.</param>
    public static IReadOnlyList<ProbeResult> Measure(
        (ModalityFeatures Left, ModalityFeatures Right) train,
        Tensor trainLabels,
        (ModalityFeatures Left, ModalityFeatures Right) test,
        Tensor testLabels,
        int draws,
        Func<Generator> random)
        => [.. Sets(train).Zip(Sets(test), (fit, held)
            => Measure(fit.Name, fit.Features, trainLabels, held.Features, testLabels, draws, random))];

    /// <summary>
    /// Each side's shared features, and both. Where there are independent ones, "both" has them too: everything the towers know
    /// of an item; "shared" is then what compares with a run that has none.
    /// </summary>
    private static IEnumerable<(string Name, Tensor Features)> Sets((ModalityFeatures Left, ModalityFeatures Right) items)
    {
        var (left, right) = items;
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
