namespace Contrastive;

/// <summary>Who is contrasted with whom.</summary>
public enum ContrastMode
{
    /// <summary>Anchors with candidates.</summary>
    OneDirection,

    /// <summary>Anchors with candidates and candidates with anchors, each with weight one half (CLIP, ConVIRT).</summary>
    Symmetric,

    /// <summary>
    /// Two views of the same items: each of the 2N rows with the 2N - 1 others of both views (NT-Xent, SimCLR).
    /// </summary>
    TwoViews,
}
