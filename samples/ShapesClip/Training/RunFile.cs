using System.Text.Json;
using Contrastive.Samples.ShapesClip.Reporting;
using Contrastive.Training;

namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>A finished run as a file, with the settings it was made with.</summary>
internal static class RunFile
{
    private sealed record Content(ShapesSettings Settings, RunResult Result);

    public static void Write(string path, ShapesSettings settings, RunResult result)
        => AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(new Content(settings.OfOneRun, result), SampleJson.Exact));

    /// <returns>Null where there is no such file yet.</returns>
    /// <exception cref="UserError">The file is damaged, or of a run with other settings.</exception>
    public static RunResult? Read(string path, ShapesSettings settings)
    {
        if (!File.Exists(path))
            return null;
        Content content;
        try
        {
            content = JsonSerializer.Deserialize<Content>(File.ReadAllBytes(path), SampleJson.Exact) ?? throw new JsonException("it is null");
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
        if (SettingsChange.First(saved.OfOneRun, now.OfOneRun) is var (name, before, wanted))
            throw new UserError($"{path} was made with {name} {before} but now it is {wanted}: choose another --out");
    }
}
