using Contrastive.Evaluation;
using Contrastive.Numerics;
using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Samples.ImageSearch.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>What a pair of towers can do with items that it was not trained on.</summary>
/// <param name="named">All pictures.</param>
/// <param name="scored">The pictures of each held-out item.</param>
/// <param name="device">Where the towers are.</param>
internal sealed class LanguageMeasurement(NamedPictures named, IReadOnlyList<int[]> scored, Device device)
{
    private static readonly int[] Recalls = [1, 5, 10];

    public LanguageResult Of(LanguageKey key, SearchRun run, NameFigures? untrained)
    {
        using var scope = NewDisposeScope();
        (int Item, int Picture)[] pictures = [.. scored.Index().SelectMany(item => item.Item.Select(picture => (item.Index, picture)))];
        var images = run.Towers.UnitImages([.. pictures.Select(one => named.Tagged.Pictures[one.Picture].Pixels)], device);
        int[] items = [.. pictures.Select(one => one.Item)];
        return new LanguageResult
        {
            Languages = [.. key.Each.Select(language => WithNames(run.Towers, language, images, items)).OfType<LanguageFigures>()],
            Names = key.IsShared ? Names(run.Towers, key.Each) : null,
            UntrainedNames = untrained,
            Pictures = Pictures(images, items),
            Seconds = run.Seconds,
        };
    }

    /// <summary>Names in one language find those in another; null where no held-out item has names in two.</summary>
    public NameFigures? Names(SearchTowers towers, IReadOnlyList<string> languages)
    {
        using var scope = NewDisposeScope();
        var said = languages.Select(language => Said(towers, language)).ToArray();
        var all = new List<RecallFigures>();
        double[][] first = [.. languages.Select(_ => Enumerable.Repeat(double.NaN, languages.Count).ToArray())];
        for (var one = 0; one < said.Length; one++)
        {
            for (var other = one + 1; other < said.Length; other++)
            {
                if (!said[one].Items.Intersect(said[other].Items).Any())
                    continue;
                var report = Retrieval.Evaluate(said[one].Features, Ids(said[one].Items), said[other].Features, Ids(said[other].Items), Recalls);
                (first[one][other], first[other][one]) = (report.LeftToRight.HitRateAt[1], report.RightToLeft.HitRateAt[1]);
                all.AddRange([Figures(report.LeftToRight), Figures(report.RightToLeft)]);
            }
        }

        return all.Count == 0 ? null : new NameFigures(RecallFigures.Mean(all), first);
    }

    private LanguageFigures? WithNames(SearchTowers towers, string language, Tensor images, int[] items)
    {
        var (features, of) = Said(towers, language);
        // All pictures are in the way of a name's; those without a name in the language have nothing to find.
        if (!of.Intersect(items).Any())
            return null;
        var report = Retrieval.Evaluate(features, Ids(of), images, Ids(items), Recalls);
        return new LanguageFigures(language, Figures(report.LeftToRight), Figures(report.RightToLeft));
    }

    /// <summary>Another picture of the item among all pictures but the one that is asked with.</summary>
    private static RecallFigures? Pictures(Tensor images, int[] items)
    {
        var several = items.CountBy(item => item).Where(item => item.Value > 1).Select(item => item.Key).ToHashSet();
        int[] asked = [.. Enumerable.Range(0, items.Length).Where(row => several.Contains(items[row]))];
        if (asked.Length == 0)
            return null;
        using var scope = NewDisposeScope();
        var all = images.matmul(images.t());
        all.diagonal().fill_(Scalars.NegativeInfinity);
        var most = Math.Min(Recalls[^1], items.Length - 1);
        var (_, places) = all.topk(most, dim: 1);
        var near = places.cpu().data<long>().ToArray();
        double[] hits = [.. Recalls.Select(k => asked.Average(row => Enumerable.Range(0, Math.Min(k, most)).Any(place => items[near[row * most + place]] == items[row]) ? 1.0 : 0))];
        return new RecallFigures(hits[0], hits[1], hits[2]);
    }

    /// <summary>The names of the held-out items in a language, and whose each is.</summary>
    private (Tensor Features, int[] Items) Said(SearchTowers towers, string language)
    {
        (int Item, string Name)[] names = [.. scored.Index().SelectMany(item => named.Names(item.Item, language).Select(name => (item.Index, name)))];
        return names.Length == 0
            ? (zeros(0, towers.Sizes.Features, device: device), [])
            : (towers.UnitTexts([.. names.Select(one => one.Name)], device), [.. names.Select(one => one.Item)]);
    }

    private static RecallFigures Figures(RankingReport ranking) => new(ranking.HitRateAt[1], ranking.HitRateAt[5], ranking.HitRateAt[10]);

    private Tensor Ids(IEnumerable<int> numbers) => tensor([.. numbers.Select(number => (long)number)], device: device);
}
