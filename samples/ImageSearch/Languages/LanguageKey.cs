using System.Globalization;
using System.Text.Json.Serialization;
using Contrastive.Samples.ImageSearch.Training;

namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>One run: a pair of towers that learns names in one language, or in all that are asked for.</summary>
/// <param name="Languages">Between plus signs.</param>
/// <param name="Structure">None, or in-modal: names with names in other languages and pictures with other pictures of the same thing.</param>
/// <param name="Loss">One of <see cref="SearchLosses.Names"/>.</param>
/// <param name="BatchSize">B.</param>
/// <param name="Epochs">How often it sees as many samples as there are training items.</param>
/// <param name="LearningRate">The largest; null for the rule.</param>
/// <param name="Seed">Of first weights, batches and what is drawn.</param>
internal sealed record LanguageKey(
    string Languages, SearchStructure Structure, string Loss, int BatchSize, int Epochs, double? LearningRate, long Seed)
{
    public const string Own = "own";

    public const string Shared = "shared";

    private const char Separator = '+';

    [JsonIgnore]
    public IReadOnlyList<string> Each => Apart(Languages);

    [JsonIgnore]
    public bool IsShared => Languages.Contains(Separator, StringComparison.Ordinal);

    /// <summary>As the run of <c>train</c> that it is.</summary>
    [JsonIgnore]
    public SearchKey Search => new(Loss, 0, BatchSize, LearningRate, Seed, Structure);

    [JsonIgnore]
    public string FileName => string.Create(
        CultureInfo.InvariantCulture, $"{(IsShared ? $"shared{Each.Count}" : Languages)}-e{Epochs}-{Search.FileName}");

    public static string[] Apart(string languages) => languages.Split(Separator);

    public static string Join(IEnumerable<string> languages) => string.Join(Separator, languages);

    public override string ToString() => $"{(IsShared ? $"{Each.Count} languages" : Languages)}, {Epochs} epochs, {Search}";
}
