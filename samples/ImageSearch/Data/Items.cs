using System.Security.Cryptography;

namespace Contrastive.Samples.ImageSearch.Data;

/// <summary>
/// Which pictures show the same thing: those that a file gives one item, those with equal captions and those that are equal. They are one
/// item, never negatives of each other and never on two sides of a split.
/// </summary>
internal static class Items
{
    /// <returns>The pictures of each item that has a caption, by number, in the order of their first pictures.</returns>
    public static IReadOnlyList<int[]> Of(IReadOnlyList<Picture> pictures)
    {
        int[] parent = [.. Enumerable.Range(0, pictures.Count)];
        var first = new Dictionary<string, int>();
        foreach (var (number, picture) in pictures.Index())
        {
            Join($"pixels {Convert.ToHexString(SHA256.HashData(picture.Pixels))}", number);
            if (picture.Item is { } item)
                Join($"item {item}", number);
            foreach (var caption in picture.Captions)
                Join($"caption {caption.ToLowerInvariant()}", number);
        }

        return [.. Enumerable.Range(0, pictures.Count)
            .Where(picture => pictures[picture].Captions.Count > 0)
            .GroupBy(Root)
            .Select(group => group.ToArray())];

        void Join(string what, int picture)
        {
            if (first.TryAdd(what, picture))
                return;
            // The smaller number is the root, so that the order of the items is that of their pictures.
            var (one, other) = (Root(first[what]), Root(picture));
            parent[Math.Max(one, other)] = Math.Min(one, other);
        }

        int Root(int picture)
        {
            while (parent[picture] != picture)
                picture = parent[picture] = parent[parent[picture]];
            return picture;
        }
    }
}
