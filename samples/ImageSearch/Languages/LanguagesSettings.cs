using System.Text.Json.Serialization;

namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>Everything that decides the figures of the comparison.</summary>
internal sealed record LanguagesSettings
{
    /// <summary>As of <c>train</c>; the epochs are those of a language's own pair.</summary>
    public required SearchSettings Training { get; init; }

    /// <summary>Empty for all there are.</summary>
    public required IReadOnlyList<string> Languages { get; init; }

    /// <summary>Of own and shared.</summary>
    public required IReadOnlyList<string> Towers { get; init; }

    /// <summary>Of the shared pair, to compare. As many as the own pairs have is the same number of samples per run.</summary>
    public required IReadOnlyList<int> SharedEpochs { get; init; }

    /// <summary>What decides one run's figures beside its key. The items and the split are the same whatever languages are asked for.</summary>
    [JsonIgnore]
    public SearchSettings OfOneRun => Training.OfOneRun with { Epochs = 0 };

    /// <summary>The shared pairs of a seed first: what people look for.</summary>
    [JsonIgnore]
    public IReadOnlyList<LanguageKey> Grid
        => [.. from seed in Training.Seeds
               from pair in (IReadOnlyList<(string Languages, int Epochs)>)[
                   .. Towers.Contains(LanguageKey.Shared) ? SharedEpochs.Select(epochs => (LanguageKey.Join(Languages), epochs)) : [],
                   .. Towers.Contains(LanguageKey.Own) ? Languages.Select(language => (language, Training.Epochs)) : []]
               from structure in Training.Structures!
               from loss in Training.Losses
               from rate in Training.LearningRates.Count == 0 ? [null] : Training.LearningRates.Select(rate => (double?)rate)
               select new LanguageKey(pair.Languages, structure, loss, Training.BatchSizes[0], pair.Epochs, rate, seed)];
}
