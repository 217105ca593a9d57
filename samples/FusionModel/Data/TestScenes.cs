namespace Contrastive.Samples.FusionModel.Data;

/// <summary>The scenes that only test sets have, a fifth of all: what a scene shows decides, in whatever order its boxes stand.</summary>
internal static class TestScenes
{
    private const int Share = 5;

    /// <param name="boxes">What each box of a scene shows, in numbers.</param>
    public static bool Have(IEnumerable<int[]> boxes) => boxes.Aggregate(0u, (sum, box) => sum + Hash(box)) % Share == 0;

    /// <summary>FNV-1a, the same on every machine.</summary>
    private static uint Hash(int[] values)
    {
        var hash = 2166136261u;
        foreach (var value in values)
            hash = (hash ^ (uint)(value + 1)) * 16777619u;
        return (hash ^ (hash >> 15)) * 2246822519u >> 7;
    }
}
