namespace Contrastive;

/// <summary>What was not read when a file went into a module; both are empty after strict loading.</summary>
/// <param name="Missing">In the module, not in the file.</param>
/// <param name="Unexpected">In the file, not in the module.</param>
public sealed record UnreadNames(IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected);
