using System.Text.Json;

namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>A finished run as a file, with the settings it was made with.</summary>
internal static class RunFile
{
    private sealed record Content<TResult>(ShapesSettings Settings, TResult Result);

    public static void Write<TResult>(string path, ShapesSettings settings, TResult result)
        => AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(new Content<TResult>(settings.OfOneRun, result), SampleJson.Exact));

    /// <returns>Null where there is no such file yet.</returns>
    /// <exception cref="UserError">The file is damaged, or of a run with other settings.</exception>
    public static TResult? Read<TResult>(string path, ShapesSettings settings)
        where TResult : class
    {
        if (!File.Exists(path))
            return null;
        Content<TResult> content;
        try
        {
            content = JsonSerializer.Deserialize<Content<TResult>>(File.ReadAllBytes(path), SampleJson.Exact) ?? throw new JsonException("it is null");
        }
        catch (Exception problem) when (problem is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: not the file of a run, or a damaged one: {problem.Message}; remove it or choose another --out", problem);
        }

        CheckSettings(path, content.Settings, settings);
        return content.Result;
    }

    /// <exception cref="UserError">Names the first setting that differs, and both values.</exception>
    public static void CheckSettings(string path, ShapesSettings saved, ShapesSettings now)
    {
        var was = Values(saved);
        foreach (var (name, value) in Values(now))
        {
            if (was.GetValueOrDefault(name) != value)
                throw new UserError($"{path} was made with {name} {was.GetValueOrDefault(name)} but now it is {value}: choose another --out");
        }
    }

    private static Dictionary<string, string> Values(ShapesSettings settings)
        => JsonSerializer.SerializeToElement(settings.OfOneRun, SampleJson.Exact).EnumerateObject()
            .ToDictionary(setting => setting.Name, setting => setting.Value.ToString());
}
