using System.Text.Json;
using Contrastive.Samples.FusionModel.Data;
using Contrastive.Samples.FusionModel.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.FusionModel.Models;

/// <summary><c>model.json</c>: what is needed to use the weights beside it.</summary>
/// <param name="Format">Which layout this is.</param>
/// <param name="Version">Of the library that trained.</param>
/// <param name="Sha256">Of the weights' file.</param>
/// <param name="Sizes">Of the model, with its vocabulary.</param>
/// <param name="Run">Which run.</param>
/// <param name="Task">What it was fine-tuned for; null of a pretrained one.</param>
/// <param name="Answers">Of the task.</param>
/// <param name="Settings">Of the whole experiment.</param>
internal sealed record FusionDescription(
    string Format, string Version, string Sha256, FusionSizes Sizes, FusionKey Run, FusionTask? Task, IReadOnlyList<string> Answers, JsonElement Settings)
    : IModelDescription
{
    public const string CurrentFormat = "contrastive-fusion-1";

    string IModelDescription.WeightsChecksum => Sha256;
}

/// <summary>Models in folders, as <see cref="ModelFolder"/> has them.</summary>
internal static class SavedFusion
{
    public static void Save(string folder, FusionNet net, FusionKey key, object settings) => Save(folder, net, net.Sizes, key, null, [], settings);

    public static void Save(string folder, TaskNet net, FusionKey key, object settings) => Save(folder, net, net.Fusion.Sizes, key, net.Task, net.Answers, settings);

    /// <summary>The models of a folder, or of an experiment's, that can be fine-tuned for a task.</summary>
    /// <exception cref="UserError">There is none, or one is damaged, or fine-tuned for another task.</exception>
    public static IReadOnlyList<(string Folder, FusionDescription Description)> FindFor(FusionTask task, string folder)
    {
        var all = Path.Combine(folder, ModelFolder.Models);
        string[] folders = Directory.Exists(all) ? [.. Directory.GetDirectories(all).Order(StringComparer.Ordinal)] : [ModelFolder.Find(folder)];
        if (folders.Length == 0)
            throw new UserError($"--model {folder}: holds no trained run");
        return [.. folders.Select(one => ModelFolder.Read<FusionDescription>(one, FusionDescription.CurrentFormat) is var found && (found.Task is null || found.Task == task)
            ? (one, found)
            : throw new UserError($"--model {one}: is fine-tuned for {found.Run.Task}; name a folder of `pretrain`, or of the same task"))];
    }

    public static FusionNet LoadPretrained(string folder, FusionDescription description)
        => ModelFolder.Load(folder, description, random => new FusionNet(description.Sizes, random), CPU);

    /// <exception cref="UserError">There is no model, or it was not fine-tuned.</exception>
    public static TaskNet LoadTask(string folder, Device device)
    {
        folder = ModelFolder.Find(folder);
        var description = ModelFolder.Read<FusionDescription>(folder, FusionDescription.CurrentFormat);
        return description.Task is { } task
            ? ModelFolder.Load(folder, description, random => new TaskNet(task, description.Sizes, description.Answers, random), device)
            : throw new UserError($"--model {folder}: is not fine-tuned, so it answers nothing; name a folder of `finetune`");
    }

    private static void Save(string folder, nn.Module net, FusionSizes sizes, FusionKey key, FusionTask? task, IReadOnlyList<string> answers, object settings)
        => ModelFolder.Save(folder, net, sum => new FusionDescription(
            FusionDescription.CurrentFormat,
            typeof(InfoNCELoss).Assembly.GetName().Version!.ToString(3),
            sum,
            sizes,
            key,
            task,
            answers,
            JsonSerializer.SerializeToElement(settings, SampleJson.Exact)));
}
