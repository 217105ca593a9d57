using Contrastive.Evaluation;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Samples.ImageSearch.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Reporting;

/// <summary>What trained towers can do with items that they were not trained on.</summary>
internal static class Measurement
{
    private static readonly int[] Recalls = [1, 5, 10];

    // Strengths between those of a probe that trusts its few labels and of one that does not.
    private static readonly LinearProbeOptions Options = new() { Strengths = [1e-3, 1e-2, 1e-1, 1] };

    public static SearchResult Of(SearchKey key, SearchRun run, SearchSettings settings, ExperimentData data, Device device)
    {
        using var scope = NewDisposeScope();
        var towers = run.Towers;
        var scored = Pictures(data, data.Split.Scored);
        var images = towers.UnitImages([.. scored.Select(one => one.Picture.Pixels)], device);
        var retrieval = Retrieval(towers, data, scored, images, device);
        var (zeroShot, probes, both) = Labels(key, settings, towers, data, scored, images, device);
        return new SearchResult
        {
            Loss = key.Loss,
            Memory = key.Memory,
            BatchSize = key.BatchSize,
            Seed = key.Seed,
            RecallAt1 = retrieval.HitRateAt[1],
            RecallAt5 = retrieval.HitRateAt[5],
            RecallAt10 = retrieval.HitRateAt[10],
            ZeroShot = zeroShot,
            Probe1 = probes?.Probe1,
            Probe5 = probes?.Probe5,
            Probe10 = probes?.Probe10,
            Seconds = run.Seconds,
            LearningRate = key.Rate,
            Structure = key.Structure?.ToString(),
            ProbeFull = probes?.ProbeFull,
            WithIndependent = both,
            PictureToTextRecallAt1 = retrieval.LeftToRight.HitRateAt[1],
            TextToPictureRecallAt1 = retrieval.RightToLeft.HitRateAt[1],
        };
    }

    /// <summary>All pictures against all captions: any of an item's is right for it.</summary>
    private static RetrievalReport Retrieval(
        SearchTowers towers, ExperimentData data, (int Item, Picture Picture)[] scored, Tensor images, Device device)
    {
        (int Item, string Caption)[] captions =
            [.. scored.SelectMany(one => one.Picture.Captions.Select(caption => (one.Item, caption))).DistinctBy(one => (one.Item, one.caption.ToLowerInvariant()))];
        var texts = towers.UnitTexts([.. captions.Select(one => one.Caption)], device);
        return Evaluation.Retrieval.Evaluate(
            images, Ids(scored.Select(one => one.Item), device), texts, Ids(captions.Select(one => one.Item), device), Recalls);
    }

    /// <summary>
    /// Zero-shot accuracy and that of probes with 1, 5 and 10 labels a category, where there are labels; of runs with a structure, none
    /// included, that of a probe with all labels too, and the probes with the independent features beside the shared ones.
    /// </summary>
    private static (double? ZeroShot, ProbeScores? Probes, ProbeScores? WithIndependent) Labels(
        SearchKey key, SearchSettings settings, SearchTowers towers, ExperimentData data, (int Item, Picture Picture)[] scored, Tensor images, Device device)
    {
        string[] categories = [.. data.Pictures.Pictures.Select(picture => picture.Label).OfType<string>().Distinct().Order(StringComparer.Ordinal)];
        int[] labelled = [.. Enumerable.Range(0, scored.Length).Where(row => scored[row].Picture.Label is not null)];
        if (categories.Length < 2 || labelled.Length == 0)
            return (null, null, null);

        var test = images.index_select(0, Ids(labelled, device));
        int[] testLabels = [.. labelled.Select(row => Number(scored[row].Picture))];
        var prompts = PromptSet.FromTemplates(categories, settings.Prompts);
        using var classifier = new ZeroShotClassifier(towers.UnitTexts(prompts.Texts, device), prompts);
        var zeroShot = classifier.Evaluate(test, Ids(testLabels, device), [1]).Accuracy;

        Picture[] train = [.. Pictures(data, data.Split.Train).Select(one => one.Picture).Where(picture => picture.Label is not null)];
        int[] trainLabels = [.. train.Select(Number)];
        byte[][] pixels = [.. train.Select(picture => picture.Pixels)];
        var known = towers.UnitImages(pixels, device);
        var probes = Scores(known, test);
        if (towers.UnitIndependentImages(pixels, device) is not { } own)
            return (zeroShot, probes, null);
        var ownTest = towers.UnitIndependentImages([.. labelled.Select(row => scored[row].Picture.Pixels)], device)!;
        return (zeroShot, probes, Scores(cat([known, own], 1), cat([test, ownTest], 1)));

        int Number(Picture picture) => Array.BinarySearch(categories, picture.Label!, StringComparer.Ordinal);

        ProbeScores Scores(Tensor from, Tensor on)
            => new(Probe(from, on, Recalls[0]), Probe(from, on, Recalls[1]), Probe(from, on, Recalls[2]), key.Structure is null ? null : Full(from, on));

        double? Full(Tensor from, Tensor on)
        {
            if (trainLabels.Distinct().Count() < 2)
                return null;
            using var random = Streams.Probes(key.Seed);
            return LinearProbe.Evaluate(from, Ids(trainLabels, device), on, Ids(testLabels, device), Options, random).Accuracy;
        }

        // Categories with fewer training pictures than labels are asked for are left out, of both sides.
        double? Probe(Tensor from, Tensor on, int shots)
        {
            var large = trainLabels.CountBy(label => label).Where(label => label.Value >= shots).Select(label => label.Key).ToHashSet();
            int[] rows = [.. Enumerable.Range(0, trainLabels.Length).Where(row => large.Contains(trainLabels[row]))];
            int[] testRows = [.. Enumerable.Range(0, testLabels.Length).Where(row => large.Contains(testLabels[row]))];
            if (large.Count < 2 || testRows.Length == 0)
                return null;
            using var random = Streams.Probes(key.Seed);
            return LinearProbe.FewShot(
                from.index_select(0, Ids(rows, device)),
                Ids(rows.Select(row => trainLabels[row]), device),
                on.index_select(0, Ids(testRows, device)),
                Ids(testRows.Select(row => testLabels[row]), device),
                shots,
                settings.ProbeDraws,
                Options,
                random).Mean;
        }
    }

    private static (int Item, Picture Picture)[] Pictures(ExperimentData data, IReadOnlyList<int[]> items)
        => [.. items.Index().SelectMany(item => item.Item.Select(picture => (item.Index, data.Pictures.Pictures[picture])))];

    private static Tensor Ids(IEnumerable<int> numbers, Device device) => tensor([.. numbers.Select(number => (long)number)], device: device);
}
