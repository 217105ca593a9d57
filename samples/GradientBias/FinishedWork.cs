using System.Text.Json;

namespace Contrastive.Samples.GradientBias;

/// <summary>As the file has it.</summary>
internal sealed record FinishedContent(GradientBiasSettings Settings, IReadOnlyList<RunCurve> Curves, IReadOnlyList<BiasEntry> Bias);

/// <summary>
/// The runs and measurements of an experiment that are finished, in a file beside its results: stopped anywhere, the same
/// command goes on with the next, to the same figures. The file goes when the experiment is reported.
/// </summary>
internal sealed class FinishedWork(string path, FinishedContent content, Action? afterEach)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<NoisyRun, RunCurve> _curves = content.Curves.ToDictionary(curve => curve.Key);
    private readonly Dictionary<(string Loss, int BatchSize), BiasEntry> _bias = content.Bias.ToDictionary(entry => (entry.Loss, entry.BatchSize));

    public string Path => path;

    public int Count => _curves.Count + _bias.Count;

    /// <summary>What is finished of an experiment; nothing where none was begun in this folder.</summary>
    /// <exception cref="UserError">The file is damaged, or of other settings.</exception>
    public static FinishedWork In(string folder, GradientBiasSettings settings, Action? afterEach)
    {
        var path = System.IO.Path.Combine(folder, "finished.json");
        if (!File.Exists(path))
            return new FinishedWork(path, new FinishedContent(settings, [], []), afterEach);
        try
        {
            var content = JsonSerializer.Deserialize<FinishedContent>(File.ReadAllBytes(path), SampleJson.Exact) ?? throw new JsonException("it is null");
            if (content.Curves.Any(curve => curve is null) || content.Bias.Any(entry => entry is null))
                throw new JsonException("one of its entries is null");
            return SettingsChange.First(content.Settings, settings) is var (name, was, now)
                ? throw new UserError($"{path}: was made with {name} {was} but now it is {now}: choose another --out")
                : new FinishedWork(path, content, afterEach);
        }
        catch (Exception problem) when (problem is JsonException or ArgumentException)
        {
            throw new UserError($"{path}: not what an experiment left, or damaged: {problem.Message}; remove it or choose another --out", problem);
        }
    }

    public RunCurve? Curve(NoisyRun key) => _curves.GetValueOrDefault(key);

    public BiasEntry? Bias(string loss, int batchSize) => _bias.GetValueOrDefault((loss, batchSize));

    public void Add(RunCurve curve) => Add(() => _curves.Add(curve.Key, curve));

    public void Add(BiasEntry entry) => Add(() => _bias.Add((entry.Loss, entry.BatchSize), entry));

    public void Remove() => File.Delete(path);

    private void Add(Action add)
    {
        lock (_gate)
        {
            add();
            AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(content with { Curves = [.. _curves.Values], Bias = [.. _bias.Values] }, SampleJson.Exact));
            afterEach?.Invoke();
        }
    }
}
