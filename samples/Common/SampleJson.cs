using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Contrastive.Training;

namespace Contrastive.Samples;

/// <summary>How the samples write JSON: snake_case names (recall_at_1), enumerations by name.</summary>
public static partial class SampleJson
{
    /// <summary>For people and scripts: indented, and a number that is not finite is null, since JSON has none.</summary>
    public static readonly JsonSerializerOptions Summary = new()
    {
        PropertyNamingPolicy = new SnakeCase(),
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower), new FiniteOrNull() },
    };

    /// <summary>For reading back: every double as it was, NaN included, and nothing missing.</summary>
    public static readonly JsonSerializerOptions Exact = new()
    {
        PropertyNamingPolicy = new SnakeCase(),
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    /// <summary>snake_case with numbers as words of their own, as in recall_at_1.</summary>
    private sealed partial class SnakeCase : JsonNamingPolicy
    {
        public override string ConvertName(string name) => NumberAfterLetter().Replace(SnakeCaseLower.ConvertName(name), "_");

        [GeneratedRegex("(?<=[a-z])(?=[0-9])")]
        private static partial Regex NumberAfterLetter();
    }

    private sealed class FiniteOrNull : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
                writer.WriteNumberValue(value);
            else
                writer.WriteNullValue();
        }
    }
}

/// <summary><c>summary.json</c>: every figure of a run and the settings that made it.</summary>
public static class SummaryFile
{
    /// <summary>
    /// Writes <c>{"results": […], "settings": {…}}</c> and whatever <paramref name="more"/> names, atomically. Property
    /// names become snake_case (recall_at_1); numbers that are not finite become null.
    /// </summary>
    public static void Write<TResult, TSettings>(
        string path, IReadOnlyList<TResult> results, TSettings settings, params (string Name, object Value)[] more)
    {
        var summary = new Dictionary<string, object?> { ["results"] = results, ["settings"] = settings };
        foreach (var (name, value) in more)
            summary.Add(name, value);
        AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(summary, SampleJson.Summary));
    }
}

/// <summary>A setting that is no longer what it was: a run only goes on under those it was started with.</summary>
public sealed record SettingsChange(string Name, string Was, string Now)
{
    /// <summary>The first setting that differs, by its name in files; null where all are the same.</summary>
    /// <param name="except">Those that may differ.</param>
    public static SettingsChange? First<TSettings>(TSettings saved, TSettings now, params IReadOnlyList<string> except)
    {
        var (before, after) = (JsonSerializer.SerializeToElement(saved, SampleJson.Exact), JsonSerializer.SerializeToElement(now, SampleJson.Exact));
        return after.EnumerateObject().Concat(before.EnumerateObject()).Select(setting => setting.Name).Distinct().Except(except)
            .Select(name => new SettingsChange(name, Show(before, name), Show(after, name)))
            .FirstOrDefault(setting => setting.Was != setting.Now);
    }

    /// <param name="path">The file that the saved ones are in.</param>
    /// <exception cref="UserError">A setting differs; the message names the first.</exception>
    public static void Refuse<TSettings>(string path, TSettings saved, TSettings now)
    {
        if (First(saved, now) is { } change)
            throw new UserError($"{path}: was made with {change.Name} {change.Was} but now it is {change.Now}: choose another --out");
    }

    private static string Show(JsonElement settings, string name)
        => !settings.TryGetProperty(name, out var value) ? "not there" : value.ValueKind == JsonValueKind.Array ? string.Join(',', value.EnumerateArray()) : value.ToString();
}
