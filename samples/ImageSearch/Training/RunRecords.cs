using System.Text;
using System.Text.Json;
using Contrastive.Samples.ImageSearch.Reporting;

namespace Contrastive.Samples.ImageSearch.Training;

/// <summary>
/// Finished runs, one line of JSON each: what decides the run's figures, and the figures. A run whose line is there is not done again;
/// lines of other data or settings stay and count for nothing, so that one file may hold a whole study.
/// </summary>
internal sealed class RunRecords
{
    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly JsonElement _settings;
    private readonly Dictionary<SearchKey, SearchResult> _results = [];
    private bool _isTorn;

    private RunRecords(string path, SearchSettings settings)
    {
        _path = path;
        _settings = JsonSerializer.SerializeToElement(settings.OfOneRun, SampleJson.Exact);
    }

    private sealed record Line(SearchKey Run, SearchResult Result, JsonElement Settings);

    /// <exception cref="UserError">The file cannot be read, or a line is none of these.</exception>
    public static RunRecords Read(string path, SearchSettings settings)
    {
        var records = new RunRecords(path, settings);
        if (!File.Exists(path))
            return records;
        var lines = File.ReadAllLines(path);
        foreach (var (number, text) in lines.Index())
        {
            if (string.IsNullOrWhiteSpace(text))
                continue;
            try
            {
                var line = JsonSerializer.Deserialize<Line>(text, SampleJson.Exact) ?? throw new JsonException("it is null");
                if (JsonElement.DeepEquals(line.Settings, records._settings))
                    records._results[line.Run] = line.Result;
            }
            catch (JsonException problem)
            {
                // A program that was killed may leave half a line, and it is the last.
                records._isTorn = number == lines.Length - 1;
                if (!records._isTorn)
                    throw new UserError($"{path}, line {number + 1}: not a finished run: {problem.Message}; remove the line or name another file with --records", problem);
            }
        }

        return records;
    }

    /// <summary>Null while the run is not finished.</summary>
    public SearchResult? Find(SearchKey key) => _results.GetValueOrDefault(key);

    public void Add(SearchKey key, SearchResult result)
    {
        var line = JsonSerializer.Serialize(new Line(key, result, _settings), SampleJson.Exact);
        lock (_gate)
        {
            _results[key] = result;
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
