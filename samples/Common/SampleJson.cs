using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

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
