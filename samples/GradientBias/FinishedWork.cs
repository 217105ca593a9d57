using System.Text.Json;
using Contrastive.Samples.GradientBias.Measurement;
using Contrastive.Samples.GradientBias.Training;
using Contrastive.Training;

namespace Contrastive.Samples.GradientBias;

/// <summary>
/// The runs and measurements of an experiment that are finished, in a file beside its results: stopped anywhere, the same
/// command goes on with the next, to the same figures. The file goes when the experiment is reported.
/// </summary>
internal sealed class FinishedWork
{
    private readonly Lock _gate = new();
    private readonly GradientBiasSettings _settings;
    private readonly Action? _afterEach;
    private readonly Dictionary<NoisyRun, RunCurve> _curves;
    private readonly Dictionary<(string Loss, int BatchSize), BiasEntry> _bias;

    private FinishedWork(string path, GradientBiasSettings settings, Content content, Action? afterEach)
    {
        Path = path;
        _settings = settings;
        _afterEach = afterEach;
        _curves = content.Curves.ToDictionary(curve => curve.Key);
        _bias = content.Bias.ToDictionary(entry => (entry.Loss, entry.BatchSize));
    }

    private sealed record Content(GradientBiasSettings Settings, IReadOnlyList<RunCurve> Curves, IReadOnlyList<BiasEntry> Bias);

    public string Path { get; }

    public int Count => _curves.Count + _bias.Count;

    /// <summary>What is finished of an experiment; nothing where none was begun in this folder.</summary>
    /// <exception cref="UserError">The file is damaged, or of other settings.</exception>
    public static FinishedWork In(string folder, GradientBiasSettings settings, Action? afterEach)
    {
        var path = System.IO.Path.Combine(folder, "finished.json");
        if (!File.Exists(path))
            return new FinishedWork(path, settings, new Content(settings, [], []), afterEach);
        try
        {
            var content = JsonSerializer.Deserialize<Content>(File.ReadAllBytes(path), SampleJson.Exact) ?? throw new JsonException("it is null");
            if (content.Curves.Any(curve => curve is null) || content.Bias.Any(entry => entry is null))
                throw new JsonException("one of its entries is null");
            return SettingsChange.First(content.Settings, settings) is var (name, was, now)
                ? throw new UserError($"{path}: was made with {name} {was} but now it is {now}: choose another --out")
                : new FinishedWork(path, settings, content, afterEach);
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

    public void Remove() => File.Delete(Path);

    private void Add(Action add)
    {
        lock (_gate)
        {
            add();
            AtomicFile.Write(Path, JsonSerializer.SerializeToUtf8Bytes(new Content(_settings, [.. _curves.Values], [.. _bias.Values]), SampleJson.Exact));
            _afterEach?.Invoke();
        }
    }
}
