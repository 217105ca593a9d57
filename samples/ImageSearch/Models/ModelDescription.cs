using System.Text.Json;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Training;

namespace Contrastive.Samples.ImageSearch.Models;

/// <summary><c>model.json</c>: what is needed to use the weights beside it.</summary>
/// <param name="Format">Which layout this is.</param>
/// <param name="Version">Of the library that trained.</param>
/// <param name="Sha256">Of the weights' file, in hexadecimal.</param>
/// <param name="Towers">Their sizes.</param>
/// <param name="Run">Which run of the experiment.</param>
/// <param name="Source">The pictures it was trained on; null for drawn ones.</param>
/// <param name="Drawn">How many items were drawn.</param>
/// <param name="DrawnSeed">What drew them.</param>
/// <param name="Settings">Of the whole experiment.</param>
/// <param name="Languages">Whose names it has learned; null where its pictures have captions.</param>
internal sealed record ModelDescription(
    string Format, string Version, string Sha256, TowerSizes Towers, SearchKey Run, PictureSource? Source, int Drawn, long DrawnSeed, JsonElement Settings,
    IReadOnlyList<string>? Languages = null)
    : IModelDescription
{
    public const string CurrentFormat = "contrastive-image-search-1";

    string IModelDescription.WeightsChecksum => Sha256;
}
