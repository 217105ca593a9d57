using System.Globalization;

namespace Contrastive.Samples.FusionModel.Data;

/// <summary>What a drawn picture shows.</summary>
internal interface IScene
{
    /// <summary>Paints it, a little differently each time.</summary>
    /// <returns>Boxes · 3 · Side² bytes: planes of red, green and blue, box after box.</returns>
    byte[] Paint(Random random);
}

/// <summary>A question or statement, and what is right of a scene: the number of an answer, or null where it does not apply.</summary>
internal sealed record Sentence<TScene>(string Text, Func<TScene, int?> Answer, bool IsForTesting);

/// <summary>A form of sentences and its answers. A test sentence is in no training set, but each of its words is, and each of its patterns.</summary>
/// <param name="Name">As tables have it.</param>
/// <param name="Answers">All there are.</param>
/// <param name="Sentences">All patterns with all words.</param>
/// <param name="Draw">Draws a scene that such sentences are about, for training or for testing.</param>
internal sealed record SentenceForm<TScene>(
    string Name, IReadOnlyList<string> Answers, IReadOnlyList<Sentence<TScene>> Sentences, Func<Random, bool, TScene> Draw)
    where TScene : IScene
{
    /// <summary>How often it has its turn in training while others have one: more for what is hard to learn. Test sets have all forms equally often.</summary>
    public int Turns { get; init; } = 1;
}

/// <summary>Makes forms of sentences.</summary>
internal static class SentenceForm
{
    public static IReadOnlyList<string> TrueFalse { get; } = ["true", "false"];

    /// <summary>
    /// All patterns with all words. For each choice of words one pattern is kept for testing, another in turn, so training has every word and every
    /// pattern. The turn shifts after each round: else the last word of a form (four relations, four patterns) would never be trained in its pattern.
    /// </summary>
    public static SentenceForm<TScene> Of<TScene>(
        string name, IReadOnlyList<string> answers, string[] patterns, IEnumerable<(string[] Words, Func<TScene, int?> Answer)> slots, Func<Random, bool, TScene> draw, int turns = 1)
        where TScene : IScene
        => new(name, answers, [.. slots.Index().SelectMany(slot => patterns.Select((pattern, p) => new Sentence<TScene>(
            string.Format(CultureInfo.InvariantCulture, pattern, slot.Item.Words),
            slot.Item.Answer,
            IsForTesting: (slot.Index + slot.Index / patterns.Length + p) % patterns.Length == 0)))], draw)
        {
            Turns = turns,
        };
}
