using System.Security.Cryptography;
using System.Text.Json;
using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>What <c>model.json</c> says in every sample.</summary>
public interface IModelDescription
{
    /// <summary>Which layout this is.</summary>
    string Format { get; }

    /// <summary>The SHA-256 of the weights' file, in hexadecimal.</summary>
    string WeightsChecksum { get; }
}

/// <summary>
/// A trained model as a folder: <c>model.safetensors</c> with names as PyTorch's and <c>model.json</c>, which says how to use them. The
/// weights are written first and the description has their checksum, so the two never come from different runs.
/// </summary>
public static class ModelFolder
{
    public const string DescriptionName = "model.json";
    public const string WeightsName = "model.safetensors";

    /// <summary>Where an experiment's folder has those of its runs.</summary>
    public const string Models = "models";

    private static readonly JsonSerializerOptions Json = new(SampleJson.Exact) { WriteIndented = true };

    /// <param name="describe">Makes the description, with the checksum of the weights.</param>
    public static void Save<T>(string folder, nn.Module model, Func<string, T> describe)
        where T : IModelDescription
    {
        Directory.CreateDirectory(folder);
        var weights = Path.Combine(folder, WeightsName);
        WeightsFile.Save(weights, model);
        AtomicFile.Write(Path.Combine(folder, DescriptionName), JsonSerializer.SerializeToUtf8Bytes(describe(Sum(weights)), Json));
    }

    /// <param name="folder">A model's folder, or an experiment's with one model in it.</param>
    /// <returns>The model's folder.</returns>
    /// <exception cref="UserError">There is no model, or there are several.</exception>
    public static string Find(string folder)
    {
        if (File.Exists(Path.Combine(folder, DescriptionName)))
            return folder;
        if (!Directory.Exists(folder))
            throw new UserError($"--model {folder}: there is no such folder");
        var all = Path.Combine(folder, Models);
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

    /// <param name="format">The only layout that can be read.</param>
    /// <exception cref="UserError">The description is damaged or of another version.</exception>
    public static T Read<T>(string folder, string format)
        where T : class, IModelDescription
    {
        var path = Path.Combine(folder, DescriptionName);
        T description;
        try
        {
            description = JsonSerializer.Deserialize<T>(File.ReadAllBytes(path), SampleJson.Exact) ?? throw new JsonException("it is null");
        }
        catch (JsonException problem)
        {
            throw new UserError($"{path}: not the description of a model, or a damaged one: {problem.Message}", problem);
        }

        return description.Format == format ? description : throw new UserError($"{path}: its format is {description.Format}, not {format}");
    }

    /// <summary>Fills a model with the weights that the description is of.</summary>
    /// <exception cref="UserError">The weights are not there, or not those described.</exception>
    public static T Load<T>(string folder, IModelDescription description, Func<Generator, T> build, Device device)
        where T : nn.Module
    {
        var weights = Path.Combine(folder, WeightsName);
        if (!File.Exists(weights))
            throw new UserError($"{weights}: there is no such file, which {Path.Combine(folder, DescriptionName)} describes");
        if (Sum(weights) != description.WeightsChecksum)
            throw new UserError($"{weights}: is damaged or of another model: its checksum is not the one that {Path.Combine(folder, DescriptionName)} has");

        var model = Filled(weights, build);
        model.to(device);
        model.eval();
        return model;
    }

    /// <summary>A model with the weights of a file.</summary>
    public static T Filled<T>(string weights, Func<Generator, T> build)
        where T : nn.Module
    {
        // The weights drawn here are replaced at once.
        using var random = new Generator(0);
        var model = build(random);
        try
        {
            WeightsFile.LoadInto(weights, model);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static string Sum(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
