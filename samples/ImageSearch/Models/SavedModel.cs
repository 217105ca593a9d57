using System.Security.Cryptography;
using System.Text.Json;
using Contrastive.Samples.ImageSearch.Training;
using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Models;

/// <summary>
/// A trained pair of towers as a folder: <c>model.safetensors</c> and <c>model.json</c>, which says how to use them. The weights are
/// written first and the description has their checksum, so the two never come from different runs.
/// </summary>
internal sealed class SavedModel : IDisposable
{
    public const string DescriptionName = "model.json";
    public const string WeightsName = "model.safetensors";

    private static readonly JsonSerializerOptions Json = new(SampleJson.Exact) { WriteIndented = true };

    private SavedModel(SearchTowers towers, ModelDescription description)
    {
        (Towers, Description) = (towers, description);
    }

    public SearchTowers Towers { get; }

    public ModelDescription Description { get; }

    public static void Save(string folder, SearchTowers towers, SearchKey key, SearchSettings settings)
    {
        Directory.CreateDirectory(folder);
        var weights = Path.Combine(folder, WeightsName);
        WeightsFile.Save(weights, towers);
        var description = new ModelDescription(
            ModelDescription.CurrentFormat,
            typeof(InfoNCELoss).Assembly.GetName().Version!.ToString(3),
            Sum(weights),
            towers.Sizes,
            key,
            settings.Source is { } source
                ? source with { Images = Path.GetFullPath(source.Images), Captions = Full(source.Captions), Labels = Full(source.Labels), Items = Full(source.Items) }
                : null,
            settings.Drawn,
            settings.SplitSeed,
            JsonSerializer.SerializeToElement(settings, SampleJson.Exact));
        AtomicFile.Write(Path.Combine(folder, DescriptionName), JsonSerializer.SerializeToUtf8Bytes(description, Json));

        static string? Full(string? path) => path is null ? null : Path.GetFullPath(path);
    }

    /// <param name="folder">A model's folder, or an experiment's with one model in it.</param>
    /// <param name="device">Where the towers go.</param>
    /// <exception cref="UserError">There is no model, there are several, or it is damaged or of another version.</exception>
    public static SavedModel Load(string folder, Device device)
    {
        folder = Find(folder);
        var path = Path.Combine(folder, DescriptionName);
        var description = Read(path);
        var weights = Path.Combine(folder, WeightsName);
        if (!File.Exists(weights))
            throw new UserError($"{weights}: there is no such file, which {path} describes");
        if (Sum(weights) != description.Sha256)
            throw new UserError($"{weights}: is damaged or of another model: its checksum is not the one that {path} has");

        // The weights drawn here are replaced at once.
        using var random = new Generator(0);
        var towers = new SearchTowers(description.Towers, random);
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

    private static string Find(string folder)
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

        return description.Format == ModelDescription.CurrentFormat
            ? description
            : throw new UserError($"{path}: its format is {description.Format}, not {ModelDescription.CurrentFormat}");
    }

    private static string Sum(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
