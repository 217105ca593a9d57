namespace Contrastive.Samples.ShapesClip.Data;

/// <summary>
/// The combinations of shape and colour that no training pair has. Every shape and every colour has two of them, so each
/// is well known on its own and only the combination is new.
/// </summary>
public sealed class HeldOutCombinations
{
    private readonly HashSet<(int Shape, int Colour)> _held = [];

    public HeldOutCombinations(Random random)
    {
        int[] colours = [.. Enumerable.Range(0, Attributes.Colour.Count)];
        random.Shuffle(colours);
        for (var shape = 0; shape < Attributes.Shape.Count; shape++)
        {
            _held.Add((shape, colours[shape % colours.Length]));
            _held.Add((shape, colours[(shape + 1) % colours.Length]));
        }
    }

    public int Count => _held.Count;

    public bool Contains((int Shape, int Colour) combination) => _held.Contains(combination);
}
