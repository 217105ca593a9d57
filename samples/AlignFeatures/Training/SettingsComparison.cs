using System.Text.Json;

namespace Contrastive.Samples.AlignFeatures.Training;

/// <summary>A run only goes on under the settings it was started with.</summary>
internal static class SettingsComparison
{
    // Files may have moved; their content is compared by its digest.
    private static readonly string[] Places = ["left", "right", "labels", "items"];

    private static readonly JsonSerializerOptions Names = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <exception cref="UserError">Names the first setting that differs, and both values.</exception>
    public static void Check(string checkpoint, AlignSettings saved, AlignSettings now)
    {
        var before = JsonSerializer.SerializeToElement(saved, Names);
        foreach (var setting in JsonSerializer.SerializeToElement(now, Names).EnumerateObject())
        {
            var (was, wanted) = (Show(before.GetProperty(setting.Name)), Show(setting.Value));
            if (was != wanted && !Places.Contains(setting.Name))
                throw new UserError($"{checkpoint}: the checkpoint was made with --{setting.Name.Replace('_', '-')} {was} but now it is {wanted}");
        }
    }

    private static string Show(JsonElement value)
        => value.ValueKind == JsonValueKind.Array ? string.Join(',', value.EnumerateArray()) : value.ToString();
}
