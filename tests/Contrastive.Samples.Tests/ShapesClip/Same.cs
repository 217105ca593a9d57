using System.Text.Json;

namespace Contrastive.Samples.Tests.ShapesClip;

/// <summary>Compares the outputs of two experiments.</summary>
internal static class Same
{
    /// <summary>Their weights, and every figure but the time.</summary>
    public static void Models(string left, string right)
    {
        var weights = Directory.GetFiles(left, "model.safetensors", SearchOption.AllDirectories);
        weights.Should().NotBeEmpty();
        foreach (var file in weights)
            File.ReadAllBytes(Path.Combine(right, Path.GetRelativePath(left, file))).Should().Equal(File.ReadAllBytes(file), file);
        Figures(right).Should().Equal(Figures(left));
    }

    private static string[] Figures(string folder)
    {
        using var summary = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "summary.json")));
        return [.. summary.RootElement.GetProperty("results").EnumerateArray().SelectMany(result => Values(result))];

        static IEnumerable<string> Values(JsonElement element)
            => element.EnumerateObject().Where(value => value.Name != "seconds")
                .SelectMany(value => value.Value.ValueKind == JsonValueKind.Object ? Values(value.Value) : [value.ToString()]);
    }
}
