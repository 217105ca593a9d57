namespace Contrastive.Samples.Tests.ShapesClip;

/// <summary>Command lines for towers that train in a moment.</summary>
internal static class Tiny
{
    private static readonly string[] Towers = ["--image-width", "8", "--text-width", "8", "--encoding", "16", "--features", "8", "--batch-size", "4"];

    public static string[] Training(PictureFolder folder, string output, int epochs = 2)
        => [.. Towers, "--epochs", $"{epochs}", "--image-dir", folder.Root, "--picture-size", "16", "--out", folder.Path(output)];
}
