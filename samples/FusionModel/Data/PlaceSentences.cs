using static Contrastive.Samples.FusionModel.Data.Scene;
using static Contrastive.Samples.FusionModel.Data.SentenceForm;

namespace Contrastive.Samples.FusionModel.Data;

/// <summary>Sentences about scenes of places, and captions.</summary>
internal static class PlaceSentences
{
    private const int BoxesOfStatements = 3;

    private static readonly string[] YesNo = ["yes", "no"];
    private static readonly string[] Labels = ["entailed", "contradicted", "neutral"];
    private static readonly string[] Counts = ["zero", "one", "two", "three"];
    private static readonly string[] Relations = ["left of", "right of", "above", "below"];

    // Each task has simple forms too. How two shapes lie to each other depends on the order of their names, the relation and the place: while two
    // of the three are not known, the third tells nothing. A model that is only asked for relations stays at chance. Asked where a shape is too, it
    // learns them, if half of what it is asked is about them.

    /// <summary>Questions about a scene.</summary>
    public static IReadOnlyList<SentenceForm<Scene>> Questions { get; } =
    [
        Question("exists", YesNo, ["is there a {0} {1}?", "does the picture show a {0} {1}?", "can you see a {0} {1}?", "is a {0} {1} present?"],
            from c in Range(4) from s in Range(3) select Slot([Colours[c], Shapes[s]], scene => scene.Find(c, s).Any() ? 0 : 1)),
        Question("relation", YesNo, ["is the {0} shape {1} the {2} shape?", "would you say the {0} shape is {1} the {2} shape?", "does the {0} shape lie {1} the {2} shape?", "can you see the {0} shape {1} the {2} shape?"],
            from a in Range(4) from b in Range(4) where a != b from r in Range(4) select Slot([Colours[a], Relations[r], Colours[b]], scene => Relation(scene, a, r, b)), turns: 4),
        Question("colour", Colours, ["what color is the {0}?", "what is the color of the {0}?", "which color does the {0} have?", "tell the color of the {0}"],
            from s in Range(3) select Slot([Shapes[s]], scene => Single(scene.Find(null, s)) is { } place ? Colour(scene.Places[place]) : null)),
        Question("where", Corners, ["where is the {0} shape?", "in which corner is the {0} shape?", "which corner has the {0} shape?", "tell the corner of the {0} shape"],
            from c in Range(4) select Slot([Colours[c]], scene => Single(scene.Find(c, null)))),
        Question("count", Counts, ["how many {0} shapes are there?", "how many shapes are {0}?", "what is the number of {0} shapes?", "count the {0} shapes"],
            from c in Range(4) select Slot([Colours[c]], scene => scene.Find(c, null).Count() is var count && count < Counts.Length ? count : null)),
    ];

    /// <summary>Statements about three boxes.</summary>
    public static IReadOnlyList<SentenceForm<Scene>> Statements { get; } =
    [
        Statement("some colour", InSomeBox("{0} shape"),
            from c in Range(4) select Slot([Colours[c]], scene => Boxes(scene, c, null) > 0 ? 0 : 1)),
        Statement("some shape", InSomeBox("{0}"),
            from s in Range(3) select Slot([Shapes[s]], scene => Boxes(scene, null, s) > 0 ? 0 : 1)),
        Statement("some box", InSomeBox("{0} {1}"),
            from c in Range(4) from s in Range(3) select Slot([Colours[c], Shapes[s]], scene => Boxes(scene, c, s) > 0 ? 0 : 1)),
        Statement("no box", ["there is no box with a {0} {1}", "none of the boxes has a {0} {1}", "no {0} {1} is in a box", "all boxes are without a {0} {1}"],
            from c in Range(4) from s in Range(3) select Slot([Colours[c], Shapes[s]], scene => Boxes(scene, c, s) == 0 ? 0 : 1)),
        Statement("every box", ["every box has a {0} shape", "there is a {0} shape in every box", "all boxes have a {0} shape", "each of the boxes has a {0} shape"],
            from c in Range(4) select Slot([Colours[c]], scene => Boxes(scene, c, null) == scene.Boxes ? 0 : 1)),
        Statement("exactly", ["exactly {0} has a {1}", "there is a {1} in exactly {0}", "a {1} is in exactly {0}", "only {0} has a {1}"],
            from n in Range(2) from s in Range(3) select Slot([n == 0 ? "one box" : "two boxes", Shapes[s]], scene => Boxes(scene, null, s) == n + 1 ? 0 : 1)),
    ];

    /// <summary>Hypotheses about a scene of which a part is covered: what lies there is neither so nor not so.</summary>
    public static IReadOnlyList<SentenceForm<Scene>> Hypotheses { get; } =
    [
        Hypothesis("colour", ["the {0} shape is {1}", "the shape on the {0} is {1}", "{1} is the color of the {0} shape", "there is a {1} shape on the {0}"],
            from p in Range(4) from c in Range(4) select Slot([Corners[p], Colours[c]], scene => Judge(scene.Places[p], place => Colour(place) == c))),
        Hypothesis("shape", ["the {0} shape is a {1}", "the shape on the {0} is a {1}", "a {1} is the {0} shape", "there is a {1} on the {0}"],
            from p in Range(4) from s in Range(3) select Slot([Corners[p], Shapes[s]], scene => Judge(scene.Places[p], place => Shape(place) == s))),
        Hypothesis("both", ["the {0} shape is a {1} {2}", "the shape on the {0} is a {1} {2}", "a {1} {2} is the {0} shape", "there is a {1} {2} on the {0}"],
            from p in Range(4) from c in Range(4) from s in Range(3) select Slot([Corners[p], Colours[c], Shapes[s]], scene => Judge(scene.Places[p], place => place == c * 3 + s))),
    ];

    /// <summary>What is said of each shape of a scene, from the top left on.</summary>
    public static string Caption(Scene scene, Random random)
    {
        var parts = scene.Places.Index().Where(place => IsShape(place.Item)).Select(place =>
        {
            var what = $"a {Colours[Colour(place.Item)]} {Shapes[Shape(place.Item)]}";
            return random.Next(2) == 0 ? $"{what} on the {Corners[place.Index]}" : $"the {Corners[place.Index]} shape is {what}";
        }).ToArray();
        random.Shuffle(parts);
        return string.Join(" and ", parts);
    }

    private static SentenceForm<Scene> Question(
        string name, string[] answers, string[] patterns, IEnumerable<(string[] Words, Func<Scene, int?> Answer)> slots, int turns = 1)
        => Of(name, answers, patterns, slots, (random, forTesting) => Scene.Draw(random, 1, covers: false, forTesting), turns);

    private static SentenceForm<Scene> Statement(string name, string[] patterns, IEnumerable<(string[] Words, Func<Scene, int?> Answer)> slots)
        => Of(name, TrueFalse, patterns, slots, (random, forTesting) => Scene.Draw(random, BoxesOfStatements, covers: false, forTesting));

    private static SentenceForm<Scene> Hypothesis(string name, string[] patterns, IEnumerable<(string[] Words, Func<Scene, int?> Answer)> slots)
        => Of(name, Labels, patterns, slots, (random, forTesting) => Scene.Draw(random, 1, covers: true, forTesting));

    private static IEnumerable<int> Range(int count) => Enumerable.Range(0, count);

    private static (string[] Words, Func<Scene, int?> Answer) Slot(string[] words, Func<Scene, int?> answer) => (words, answer);

    private static string[] InSomeBox(string what) => [$"there is a box with a {what}", $"one of the boxes has a {what}", $"a {what} is in a box", $"at least one box has a {what}"];

    private static int? Single(IEnumerable<int> places) => places.ToArray() is [var only] ? only : null;

    private static int Boxes(Scene scene, int? colour, int? shape) => Range(scene.Boxes).Count(box => scene.Find(colour, shape, box).Any());

    private static int? Judge(int place, Func<int, bool> holds) => place == Covered ? 2 : holds(place) ? 0 : 1;

    /// <summary>Only of colours that are there once.</summary>
    private static int? Relation(Scene scene, int first, int relation, int second)
    {
        if (Single(scene.Find(first, null)) is not { } a || Single(scene.Find(second, null)) is not { } b)
            return null;
        var holds = relation switch
        {
            0 => a % 2 < b % 2,
            1 => a % 2 > b % 2,
            2 => a / 2 < b / 2,
            _ => a / 2 > b / 2,
        };
        return holds ? 0 : 1;
    }
}
