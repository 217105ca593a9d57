namespace Contrastive.Samples;

/// <summary>A line of a file, or a picture, that could not be used.</summary>
/// <param name="Name">The picture as it was written, or the file and line.</param>
/// <param name="Reason">Why.</param>
public sealed record Skipped(string Name, string Reason)
{
    private const int MostNamed = 50;

    public override string ToString() => $"{Name}: {Reason}";

    /// <summary>Names what was skipped, up to a number that can be read.</summary>
    public static void Report(IReadOnlyList<Skipped> skipped, Action<string> line)
    {
        foreach (var one in skipped.Take(MostNamed))
            line($"skipped {one}");
        if (skipped.Count > MostNamed)
            line($"skipped {skipped.Count - MostNamed} more");
    }
}
