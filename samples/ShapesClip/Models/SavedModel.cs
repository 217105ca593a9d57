using System.Security.Cryptography;
using System.Text.Json;
using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Models;

/// <summary>
/// A trained pair of towers as a folder: <c>model.safetensors</c> with names as PyTorch's (image.encoder.layers.0.weight,
/// text.encoder.tokens.weight, …) and <c>model.json</c>, which says how to use them. The weights are written first and the
/// description names their checksum, so the two never come from different runs.
/// </summary>
internal sealed class SavedModel : IDisposable
{
    public const string DescriptionName = "model.json";
    public const string WeightsName = "model.safetensors";

    private static readonly JsonSerializerOptions Json = new(SampleJson.Exact) { WriteIndented = true };

    private SavedModel(TowerPair towers, ModelDescription description)
    {
        (Towers, Description) = (towers, description);
    }

    public TowerPair Towers { get; }

    public ModelDescription Description { get; }

    public static void Save(string folder, TowerPair towers, RunKey key, ShapesSettings settings, double temperature)
    {
        var weights = Path.Combine(folder, WeightsName);
        WeightsFile.Save(weights, towers);
        var description = new ModelDescription(
            ModelDescription.CurrentFormat,
            typeof(InfoNCELoss).Assembly.GetName().Version!.ToString(3),
            new WeightsSum(WeightsName, Sum(weights)),
            PictureDescription.Of(towers.Sizes.Side),
            TokenizerDescription.Of(towers.Tokenizer),
            TowerDescription.Of(towers.Sizes),
            temperature,
            key,
            settings.ImageDir is { } images ? Path.GetFullPath(images) : null,
            settings.Captions is { } captions ? Path.GetFullPath(captions) : null,
            JsonSerializer.SerializeToElement(settings, SampleJson.Exact));
        AtomicFile.Write(Path.Combine(folder, DescriptionName), JsonSerializer.SerializeToUtf8Bytes(description, Json));
    }

    /// <param name="folder">A model's folder, or an experiment's with one model in it.</param>
    /// <param name="device">Where the towers go.</param>
    /// <exception cref="UserError">There is no model, there are several, or it is damaged or of another version.</exception>
    public static SavedModel Load(string folder, Device device)
    {
        folder = Find(folder);
        var path = Path.Combine(folder, DescriptionName);
        var description = Read(path);
        var weights = Path.Combine(folder, description.Weights.File);
        if (!File.Exists(weights))
            throw new UserError($"{weights}: there is no such file, which {path} names");
        if (Sum(weights) != description.Weights.Sha256)
            throw new UserError($"{weights}: is damaged or of another model: its checksum is not the one that {path} has");

        // The weights drawn here are replaced at once.
        using var random = new Generator(0);
        var towers = new TowerPair(description.Sizes, random, random);
        try
        {
            WeightsFile.LoadInto(weights, towers);
            towers.to(device);
            towers.eval();
            return new SavedModel(towers, description);
        }
        catch
        {
            towers.Dispose();
            throw;
        }
    }

    public void Dispose() => Towers.Dispose();

    /// <summary>The folder that <see cref="Load"/> reads.</summary>
    /// <exception cref="UserError">There is no model, or there are several.</exception>
    public static string Find(string folder)
    {
        if (File.Exists(Path.Combine(folder, DescriptionName)))
            return folder;
        if (!Directory.Exists(folder))
            throw new UserError($"--model {folder}: there is no such folder");
        var all = Path.Combine(folder, Outputs.ModelFolder);
        string[] models = Directory.Exists(all)
            ? [.. Directory.GetDirectories(all).Where(model => File.Exists(Path.Combine(model, DescriptionName))).Order(StringComparer.Ordinal)]
            : [];
        return models switch
        {
            [var only] => only,
            [] => throw new UserError($"--model {folder}: holds no {DescriptionName}, nor a trained run"),
            _ => throw new UserError($"--model {folder}: holds {models.Length} models, name one of {string.Join(", ", models)}"),
        };
    }

    private static ModelDescription Read(string path)
    {
        ModelDescription description;
        try
        {
            description = JsonSerializer.Deserialize<ModelDescription>(File.ReadAllBytes(path), SampleJson.Exact) ?? throw new JsonException("it is null");
        }
        catch (JsonException problem)
        {
            throw new UserError($"{path}: not the description of a model, or a damaged one: {problem.Message}", problem);
        }

        if (description.Format != ModelDescription.CurrentFormat)
            throw new UserError($"{path}: its format is {description.Format}, not {ModelDescription.CurrentFormat}");
        return description.Picture == PictureDescription.Of(description.Picture.Side)
            ? description
            : throw new UserError($"{path}: takes {description.Picture} but this version gives {PictureDescription.Of(description.Picture.Side)}");
    }

    private static string Sum(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
