using System.Text.Json;

namespace Contrastive.Samples;

/// <summary>A setting that is no longer what it was: a run only goes on under those it was started with.</summary>
public sealed record SettingsChange(string Name, string Was, string Now)
{
    /// <summary>The first setting that differs, by its name in files; null where all are the same.</summary>
    /// <param name="saved">What something was made with.</param>
    /// <param name="now">What is asked for.</param>
    /// <param name="except">Those that may differ.</param>
    public static SettingsChange? First<TSettings>(TSettings saved, TSettings now, params IReadOnlyList<string> except)
    {
        var before = JsonSerializer.SerializeToElement(saved, SampleJson.Exact);
        return JsonSerializer.SerializeToElement(now, SampleJson.Exact).EnumerateObject()
            .Select(setting => new SettingsChange(setting.Name, Show(before.GetProperty(setting.Name)), Show(setting.Value)))
            .FirstOrDefault(setting => setting.Was != setting.Now && !except.Contains(setting.Name));
    }

    private static string Show(JsonElement value)
        => value.ValueKind == JsonValueKind.Array ? string.Join(',', value.EnumerateArray()) : value.ToString();
}
