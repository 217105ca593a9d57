using System.Text.Json;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Models;

/// <summary>A trained pair of towers and how to use them, as a <see cref="ModelFolder"/> has them.</summary>
internal sealed class SavedModel : IDisposable
{
    private SavedModel(TowerPair towers, ModelDescription description)
    {
        (Towers, Description) = (towers, description);
    }

    public TowerPair Towers { get; }

    public ModelDescription Description { get; }

    public static void Save(string folder, TowerPair towers, RunKey key, ShapesSettings settings, double temperature)
        => ModelFolder.Save(folder, towers, sum => new ModelDescription(
            ModelDescription.CurrentFormat,
            typeof(InfoNCELoss).Assembly.GetName().Version!.ToString(3),
            new WeightsSum(ModelFolder.WeightsName, sum),
            PictureDescription.Of(towers.Sizes.Side),
            TokenizerDescription.Of(towers.Tokenizer),
            TowerDescription.Of(towers.Sizes),
            temperature,
            key,
            JsonSerializer.SerializeToElement(settings, SampleJson.Exact)));

    /// <param name="folder">A model's folder, or an experiment's with one model in it.</param>
    /// <param name="device">Where the towers go.</param>
    /// <exception cref="UserError">There is no model, there are several, or it is damaged or of another version.</exception>
    public static SavedModel Load(string folder, Device device)
    {
        folder = ModelFolder.Find(folder);
        var description = ModelFolder.Read<ModelDescription>(folder, ModelDescription.CurrentFormat);
        if (description.Picture != PictureDescription.Of(description.Picture.Side))
            throw new UserError($"{folder}: takes {description.Picture} but this version gives {PictureDescription.Of(description.Picture.Side)}");
        return new SavedModel(ModelFolder.Load(folder, description, random => new TowerPair(description.Sizes, random, random), device), description);
    }

    public void Dispose() => Towers.Dispose();
}
