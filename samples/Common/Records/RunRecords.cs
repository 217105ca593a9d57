using System.Text;
using System.Text.Json;

namespace Contrastive.Samples;

/// <summary>
/// Finished runs, one line of JSON each: what decides the run's figures, and the figures. A run whose line is there is not done again.
/// Lines of other data or settings stay and count for nothing, so that one file may hold a whole study; or they are refused.
/// </summary>
/// <typeparam name="TKey">What tells a run from the others.</typeparam>
/// <typeparam name="TResult">Its figures.</typeparam>
public sealed class RunRecords<TKey, TResult>
    where TKey : notnull
    where TResult : class
{
    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly JsonElement _settings;
    private readonly bool _writes;
    private readonly Dictionary<TKey, TResult> _results = [];
    private bool _isTorn;

    /// <param name="path">The file; it need not be there yet.</param>
    /// <param name="settings">Whatever decides the figures beside the key.</param>
    /// <param name="writes">Whether runs go into the file; false for one of several processes that finish a run together, of which another one writes.</param>
    /// <param name="mixed">Whether lines of other settings may be there too. Not in the file of an experiment's own folder, whose other files are of one.</param>
    /// <exception cref="UserError">The file cannot be read, or a line is none of these.</exception>
    public RunRecords(string path, object settings, bool writes = true, bool mixed = true)
    {
        _path = path;
        _writes = writes;
        _settings = JsonSerializer.SerializeToElement(settings, SampleJson.Exact);
        if (!File.Exists(path))
            return;
        var lines = File.ReadAllLines(path);
        foreach (var (number, text) in lines.Index())
        {
            if (string.IsNullOrWhiteSpace(text))
                continue;
            try
            {
                if (JsonSerializer.Deserialize<Line>(text, SampleJson.Exact) is not { Run: not null, Result: not null, Settings.ValueKind: JsonValueKind.Object } line)
                    throw new JsonException("something of it is null");
                if (JsonElement.DeepEquals(line.Settings, _settings))
                    _results[line.Run] = line.Result;
                else if (!mixed)
                    SettingsChange.Refuse(path, line.Settings, _settings);
            }
            catch (JsonException problem)
            {
                // A program that was killed may leave half a line, and it is the last.
                _isTorn = number == lines.Length - 1;
                if (!_isTorn)
                    throw new UserError($"{path}, line {number + 1}: not a finished run: {problem.Message}; remove the line or {(mixed ? "name another file with --records" : "choose another --out")}", problem);
            }
        }
    }

    private sealed record Line(TKey Run, TResult Result, JsonElement Settings);

    /// <summary>How many runs of these settings are finished.</summary>
    public int Count => _results.Count;

    /// <summary>Null while the run is not finished.</summary>
    public TResult? Find(TKey key)
    {
        // Runs side by side ask while others are added.
        lock (_gate)
            return _results.GetValueOrDefault(key);
    }

    public void Add(TKey key, TResult result)
    {
        var line = JsonSerializer.Serialize(new Line(key, result, _settings), SampleJson.Exact);
        lock (_gate)
        {
            _results[key] = result;
            if (!_writes)
                return;
            using var file = new FileStream(_path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
            var end = file.Length;
            // What is torn goes; a whole line that an editor left without an end gets one.
            while (_isTorn && end > 0 && ByteBefore(file, end) != '\n')
                end--;
            _isTorn = false;
            var start = end > 0 && ByteBefore(file, end) != '\n' ? "\n" : "";
            file.SetLength(end);
            file.Position = end;
            file.Write(Encoding.UTF8.GetBytes($"{start}{line}\n"));
        }

        static int ByteBefore(FileStream file, long place)
        {
            file.Position = place - 1;
            return file.ReadByte();
        }
    }
}
