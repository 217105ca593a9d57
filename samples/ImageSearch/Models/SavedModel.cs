using System.Text.Json;
using Contrastive.Samples.ImageSearch.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Models;

/// <summary>A trained pair of towers and how to use them, as a <see cref="ModelFolder"/> has them.</summary>
internal sealed class SavedModel : IDisposable
{
    private SavedModel(string folder, SearchTowers towers, ModelDescription description)
    {
        (Folder, Towers, Description) = (folder, towers, description);
    }

    /// <summary>Where <c>model.json</c> lies.</summary>
    public string Folder { get; }

    public SearchTowers Towers { get; }

    public ModelDescription Description { get; }

    /// <param name="folder">Where it goes.</param>
    /// <param name="towers">Trained.</param>
    /// <param name="key">Which run.</param>
    /// <param name="settings">Of the experiment.</param>
    /// <param name="languages">Whose names it has learned; null where its pictures have captions.</param>
    public static void Save(string folder, SearchTowers towers, SearchKey key, SearchSettings settings, IReadOnlyList<string>? languages = null)
    {
        ModelFolder.Save(folder, towers, sum => new ModelDescription(
            ModelDescription.CurrentFormat,
            typeof(InfoNCELoss).Assembly.GetName().Version!.ToString(3),
            sum,
            towers.Sizes,
            key,
            settings.Source is { } source
                ? source with { Images = Path.GetFullPath(source.Images), Captions = Full(source.Captions), Labels = Full(source.Labels), Items = Full(source.Items), Names = Full(source.Names) }
                : null,
            settings.Drawn,
            settings.SplitSeed,
            JsonSerializer.SerializeToElement(settings, SampleJson.Exact),
            languages));

        static string? Full(string? path) => path is null ? null : Path.GetFullPath(path);
    }

    /// <param name="folder">A model's folder, or an experiment's with one model in it.</param>
    /// <param name="device">Where the towers go.</param>
    /// <exception cref="UserError">There is no model, there are several, or it is damaged or of another version.</exception>
    public static SavedModel Load(string folder, Device device)
    {
        folder = ModelFolder.Find(folder);
        var description = ModelFolder.Read<ModelDescription>(folder, ModelDescription.CurrentFormat);
        return new SavedModel(folder, ModelFolder.Load(folder, description, random => new SearchTowers(description.Towers, random), device), description);
    }

    public void Dispose() => Towers.Dispose();
}
