using static Contrastive.Samples.FusionModel.Data.BoxScene;

namespace Contrastive.Samples.FusionModel.Data;

/// <summary>Statements in the manner of those that people made about NLVR's boxes, from few patterns, and captions made of such statements.</summary>
internal static class BoxSentences
{
    private const int BoxesOfStatements = 3;
    private const int StatementsOfCaption = 2;

    private static readonly string[] Numbers = ["zero", "one", "two", "three", "four", "five", "six", "seven"];
    private static readonly (string Word, Wall Wall)[] Walls =
        [("wall", Wall.Any), ("edge", Wall.Any), ("side", Wall.Any), ("bottom", Wall.Bottom), ("base", Wall.Bottom), ("top", Wall.Top), ("right wall", Wall.Right), ("corner", Wall.Corner)];

    /// <summary>What items are called.</summary>
    private sealed record Kind(string One, string Many, int? Shape, int? Colour)
    {
        public bool Is(Item item) => (Shape is null || item.Shape == Shape) && (Colour is null || item.Colour == Colour);

        public bool CanBe(Kind other) => (Shape is null || other.Shape is null || Shape == other.Shape) && (Colour is null || other.Colour is null || Colour == other.Colour);
    }

    private static Kind[] Coloured { get; } = [.. from noun in new[] { "item", "object" } from c in Range(0, 2) select new Kind($"{Colours[c]} {noun}", $"{Colours[c]} {noun}s", null, c)];

    private static Kind[] Hued { get; } = Coloured[..3];

    private static Kind[] Shaped { get; } = [.. from s in Range(0, 2) select new Kind(Shapes[s], $"{Shapes[s]}s", s, null)];

    private static Kind[] Both { get; } = [.. from c in Range(0, 2) from s in Range(0, 2) select new Kind($"{Colours[c]} {Shapes[s]}", $"{Colours[c]} {Shapes[s]}s", s, c)];

    private static Kind[] Any { get; } = [new("item", "items", null, null), new("object", "objects", null, null)];

    private static Kind[] Told { get; } = [.. Coloured, .. Shaped, .. Both];

    private static Kind[] All { get; } = [.. Any, .. Told];

    private static readonly (string Word, Func<IReadOnlyList<Item>, Item> Block)[] Ends = [("top", tower => tower[^1]), ("base", tower => tower[0])];

    /// <summary>About boxes with items, and then about towers. "There are two" is exactly two, "a box with" and "1 tower with" are at least one, as people meant them.</summary>
    public static IReadOnlyList<SentenceForm<BoxScene>> Statements { get; } =
    [
        // Items of all boxes.
        Items("one in all", ["there is 1 {0}", "there is exactly one {0}", "there is only one {0}"],
            from k in Told select Slot([k.One], scene => Total(scene, k) == 1)),
        Items("so many in all", ["there are {0} {2}", "there are exactly {1} {2}", "there are exactly {0} {2}"],
            from n in Range(2, 4) from k in Told select Slot([Digit(n), Numbers[n], k.Many], scene => Total(scene, k) == n)),
        Items("at least in all", ["there are at least {0} {2}", "there are at least {1} {2}", "there are {1} or more {2}"],
            from n in Range(2, 5) from k in Told select Slot([Digit(n), Numbers[n], k.Many], scene => Total(scene, k) >= n)),
        Items("some", ["there is a {0}", "there is at least one {0}", "there is at least 1 {0}"],
            from k in Told select Slot([k.One], scene => Total(scene, k) > 0)),
        Items("none", ["there is no {0}", "none of the boxes has a {0}", "there is no box with a {0}"],
            from k in Told select Slot([k.One], scene => Total(scene, k) == 0)),

        // Items of one box.
        Items("one in a box", ["there is a box with only one {0}", "there is a box with exactly 1 {0}", "one of the grey boxes has exactly one {0}", "there is a box with one {0}"],
            from k in All select Slot([k.One], scene => Some(scene, box => Count(box, k) == 1))),
        Items("so many in a box", ["there is a box with {0} {2}", "there is a box with exactly {1} {2}", "one of the grey boxes has exactly {1} {2}", "there is a box that has {1} {2}", "one of the grey squares contains exactly {1} {2}", "there is a box with only {0} {2}"],
            from n in Range(2, 6) from k in n < 4 ? All : Any select Slot([Digit(n), Numbers[n], k.Many], scene => Some(scene, box => Count(box, k) == n))),
        Items("at least in a box", ["there is a box with at least {0} {2}", "there is a box that has at least {1} {2}", "at least one box has {1} or more {2}"],
            from n in Range(2, 4) from k in All select Slot([Digit(n), Numbers[n], k.Many], scene => Some(scene, box => Count(box, k) >= n))),
        Items("two kinds", ["there is a box with a {0} and a {1}", "there is a box which has a {0} and a {1}", "there is a box with at least one {0} and at least one {1}"],
            from a in Told from b in Told where !a.CanBe(b) select Slot([a.One, b.One], scene => Some(scene, box => Count(box, a) > 0 && Count(box, b) > 0))),
        Items("one and more", ["there is a box with a {0} and {2} {3}", "there is a box with at least one {0} and {2} {3}", "there is a box with a {0} and {1} {3}"],
            from n in Range(2, 3) from a in Told from b in Told where !a.CanBe(b)
            select Slot([a.One, Digit(n), Numbers[n], b.Many], scene => Some(scene, box => Count(box, a) > 0 && Count(box, b) == n))),
        Items("of which", ["there is a box with {0} items of which {1} are {2}", "there is a box with {0} items and {1} of them are {2}", "there is a box with {0} items of which exactly {1} are {2}"],
            from m in Range(3, 5) from n in Range(2, 3) where n < m from k in Hued select Slot([Digit(m), Digit(n), Hue(k)], scene => Some(scene, box => box.Count == m && Count(box, k) == n))),
        Items("only", ["there is a box with only {0}", "there is a box that has only {0}", "one of the grey boxes has only {0}"],
            from k in Coloured.Concat(Shaped) select Slot([k.Many], scene => Some(scene, box => Count(box, k) == box.Count))),
        Items("only two colours", ["there is a box with only {0} and {1} items", "there is a box with items of only {0} and {1} color", "there is 1 box with only {0} and {1} items"],
            from a in Range(0, 2) from b in Range(0, 2) where a != b select Slot([Colours[a], Colours[b]], scene => Some(scene, box => Hues(box).SetEquals([a, b])))),
        Items("colours", ["there is a box with items of {0} different colors", "there is a box with items of only {0} different colors", "there is a box with {1} different colors"],
            from n in Range(2, 3) select Slot([Digit(n), Numbers[n]], scene => Some(scene, box => Hues(box).Count == n))),
        Items("items and colours", ["there is a box with {0} items of {1} different colors", "there is a box with {0} items of only {1} different colors", "there is a box with {0} items and {1} different colors"],
            from m in Range(3, 5) from n in Range(2, 3) select Slot([Digit(m), Digit(n)], scene => Some(scene, box => box.Count == m && Hues(box).Count == n))),
        Items("each", ["each box has at least one {0}", "each box has a {0}", "there is a {0} in each box", "every box contains at least 1 {0}"],
            from k in Coloured.Concat(Shaped) select Slot([k.One], scene => Every(scene, box => Count(box, k) > 0))),
        Items("size", ["there is a {0} {1}", "there is at least one {0} {1}", "there is a box with a {0} {1}"],
            from size in Range(0, 2) from k in Told select Slot([Sizes[size], k.One], scene => Some(scene, box => box.Any(item => item.Size == size && k.Is(item))))),

        // Items and walls.
        Items("touching", ["there is a {0} touching the {1}", "there is a {0} closely touching the {1} of a box", "there is at least one {0} touching the {1}", "there is a box with a {0} touching the {1}"],
            from wall in Walls from k in Told select Slot([k.One, wall.Word], scene => Touching(scene, k, wall.Wall) > 0)),
        Items("so many touching", ["there are exactly {1} {2} touching the {3}", "there are {0} {2} touching the {3}", "there are {1} {2} closely touching the {3} of a box"],
            from n in Range(2, 3) from wall in Walls from k in All select Slot([Digit(n), Numbers[n], k.Many, wall.Word], scene => Touching(scene, k, wall.Wall) == n)),
        Items("one touching", ["there is exactly one {0} touching the {1}", "there is 1 {0} touching the {1}", "there is only one {0} touching the {1}"],
            from wall in Walls from k in All select Slot([k.One, wall.Word], scene => Touching(scene, k, wall.Wall) == 1)),
        Items("not touching", ["there is a {0} not touching the {1}", "there is at least one {0} not touching the {1}", "there is a {0} not touching any {1}"],
            from wall in Walls.Take(3) from k in Told select Slot([k.One, wall.Word], scene => Total(scene, k) > Touching(scene, k, wall.Wall))),
        Items("so many not touching", ["there are exactly {1} {2} not touching any {3}", "there are {0} {2} not touching the {3}", "there are exactly {0} {2} not touching the {3}"],
            from n in Range(2, 3) from wall in Walls.Take(3) from k in Told select Slot([Digit(n), Numbers[n], k.Many, wall.Word], scene => Total(scene, k) - Touching(scene, k, wall.Wall) == n)),
        Items("none touching", ["there is no {0} touching the {2}", "there is no {0} closely touching the {2} of a box", "none of the {1} are touching the {2}"],
            from wall in Walls from k in Told select Slot([k.One, k.Many, wall.Word], scene => Touching(scene, k, wall.Wall) == 0)),
        Items("size touching", ["there is a {0} {1} touching the {2}", "there is at least one {0} {1} touching the {2}", "there is a {0} {1} closely touching the {2} of a box"],
            from size in Range(0, 2) from wall in Walls.Take(5) from k in Told select Slot([Sizes[size], k.One, wall.Word], scene => Some(scene, box => box.Any(item => item.Size == size && k.Is(item) && item.Touches(wall.Wall))))),

        // Towers, a box each.
        Towers("blocks", ["there are {0} {2} blocks", "there are exactly {1} {2} blocks", "there are {1} {2} blocks"],
            from n in Range(2, 5) from k in Hued select Slot([Digit(n), Numbers[n], Hue(k)], scene => Total(scene, k) == n)),
        Towers("at least so many blocks", ["there are at least {0} {2} blocks", "there are at least {1} {2} blocks", "there are {1} or more {2} blocks"],
            from n in Range(2, 5) from k in Hued select Slot([Digit(n), Numbers[n], Hue(k)], scene => Total(scene, k) >= n)),
        Towers("blocks of a tower", ["there is a tower with {0} {2} blocks", "there is 1 tower with {0} {2} blocks", "there is a tower that has {1} {2} blocks"],
            from n in Range(2, 3) from k in Hued select Slot([Digit(n), Numbers[n], Hue(k)], scene => Some(scene, tower => Count(tower, k) == n))),
        Towers("end", ["there is a {0} block as the {1} of a tower", "there is a tower with a {0} block at the {1}", "there is 1 tower with a {0} block at the {1}", "there is a tower that has a {0} block at the {1}"],
            from end in Ends from c in Range(0, 2) select Slot([Colours[c], end.Word], scene => Some(scene, tower => end.Block(tower).Colour == c))),
        Towers("so many ends", ["there are {0} {2} blocks as the {3} of a tower", "there are exactly {1} towers with a {2} block at the {3}", "there are {1} towers which have a {2} block at the {3}"],
            from n in Range(2, 3) from end in Ends from c in Range(0, 2) select Slot([Digit(n), Numbers[n], Colours[c], end.Word], scene => scene.Boxes.Count(tower => end.Block(tower).Colour == c) == n)),
        Towers("one end", ["there is exactly one tower with a {0} block at the {1}", "there is exactly one {0} block as the {1} of a tower", "there is only one {0} block as the {1} of a tower"],
            from end in Ends from c in Range(0, 2) select Slot([Colours[c], end.Word], scene => scene.Boxes.Count(tower => end.Block(tower).Colour == c) == 1)),
        Towers("end of so many", ["there is a {0} block as the {1} of a tower with {2} blocks", "there is a {0} block as the {1} of a tower with exactly {2} blocks", "there is a tower with {2} blocks having a {0} block at the {1}", "the tower with {2} blocks has a {0} block at the {1}"],
            from n in Range(2, 4) from end in Ends from c in Range(0, 2) select Slot([Colours[c], end.Word, Numbers[n]], scene => Some(scene, tower => tower.Count == n && end.Block(tower).Colour == c))),
        Towers("end of at least", ["there is a {0} block as the {1} of a tower with at least {2} blocks", "there is a tower with at least {2} blocks having a {0} block at the {1}", "there is a {0} block at the {1} of a tower with at least {2} blocks"],
            from n in Range(2, 3) from end in Ends from c in Range(0, 2) select Slot([Colours[c], end.Word, Numbers[n]], scene => Some(scene, tower => tower.Count >= n && end.Block(tower).Colour == c))),
        Towers("on", ["there is a {0} block on a {1} block", "there is a tower with a {0} block on a {1} block", "there is a tower that has a {0} block on a {1} block"],
            from a in Range(0, 2) from b in Range(0, 2) select Slot([Colours[a], Colours[b]], scene => Some(scene, tower => IsOn(tower, a, b)))),
        Towers("above", ["there is a {0} block above a {1} block", "there is a tower with a {0} block over a {1} block", "there is a tower with a {0} block above a {1} block"],
            from a in Range(0, 2) from b in Range(0, 2) select Slot([Colours[a], Colours[b]], scene => Some(scene, tower => IsAbove(tower, a, b)))),
        Towers("one above", ["there is exactly one tower with a {0} block above a {1} block", "there is exactly one tower that has a {0} block above a {1} block", "there is exactly one tower which has a {0} block over a {1} block"],
            from a in Range(0, 2) from b in Range(0, 2) select Slot([Colours[a], Colours[b]], scene => scene.Boxes.Count(tower => IsAbove(tower, a, b)) == 1)),
        Towers("height", ["there is a tower with {0}", "there is a tower with exactly {0}", "there is a tower that has {0}", "there is a tower with only {0}"],
            from n in Range(1, 4) from number in new[] { Digit(n), Numbers[n] } select Slot([$"{number} {(n == 1 ? "block" : "blocks")}"], scene => Some(scene, tower => tower.Count == n))),
        Towers("colour of a single", ["there is a tower with exactly one block which is {0}", "there is one tower with a single block of {0} color", "there is a tower with only one block that is {0}"],
            from c in Range(0, 2) select Slot([Colours[c]], scene => Some(scene, tower => tower.Count == 1 && tower[0].Colour == c))),
        Towers("so many towers", ["there are {1} towers with {3} blocks", "there are exactly {1} towers with {3} blocks each", "there are {0} towers with exactly {2} blocks"],
            from m in Range(2, 3) from n in Range(2, 4) select Slot([Digit(m), Numbers[m], Digit(n), Numbers[n]], scene => scene.Boxes.Count(tower => tower.Count == n) == m)),
        Towers("of one colour", ["there is a {0} tower", "there is a tower with only {0} blocks", "there is a tower which has only {0} blocks"],
            from c in Range(0, 2) select Slot([Colours[c]], scene => Some(scene, tower => Hues(tower).SetEquals([c])))),
        Towers("only two colours", ["there is a tower with only {0} and {1} blocks", "there is 1 tower with only {0} and {1} blocks", "there is a tower that has only {0} and {1} blocks"],
            from a in Range(0, 2) from b in Range(0, 2) where a != b select Slot([Colours[a], Colours[b]], scene => Some(scene, tower => Hues(tower).SetEquals([a, b])))),
        Towers("colours", ["there is a tower with blocks of {0} different colors", "there is a tower which has {1} different colors", "there is a tower with {1} different colors"],
            from n in Range(2, 3) select Slot([Digit(n), Numbers[n]], scene => Some(scene, tower => Hues(tower).Count == n))),
        Towers("same", ["there are at least two towers with the same color at the {0}", "at least two towers have the same {0} color", "there are at least {1} towers with the same {0} color"],
            from end in Ends select Slot([end.Word, "2"], scene => scene.Boxes.CountBy(tower => end.Block(tower).Colour).Any(colour => colour.Value > 1))),
        Towers("each", ["there is at least 1 {0} block in each tower", "each tower has a {0} block", "all the towers have a {0} block", "there is a {0} block in each tower"],
            from c in Range(0, 2) select Slot([Colours[c]], scene => Every(scene, tower => Hues(tower).Contains(c)))),
    ];

    /// <summary>All that a scene of one box has: items in any order, or a tower's blocks from the top.</summary>
    public static string Inventory(BoxScene scene, bool towers, Random random)
    {
        var box = scene.Boxes[0];
        if (towers)
            return string.Join(" on ", box.Reverse().Select(block => $"a {Colours[block.Colour]} block"));
        var items = box.Select(item =>
        {
            var touched = Walls.Where(wall => item.Touches(wall.Wall)).Select(wall => wall.Word).ToArray();
            var what = $"a {Sizes[item.Size]} {Colours[item.Colour]} {Shapes[item.Shape]}";
            return touched.Length > 0 ? $"{what} touching the {touched[random.Next(touched.Length)]}" : what;
        }).ToArray();
        random.Shuffle(items);
        return string.Join(" and ", items);
    }

    /// <summary>Some statements that are true of a scene of one box.</summary>
    public static string Caption(BoxScene scene, bool towers, Random random)
    {
        var forms = Statements.Where(form => IsAboutTowers(form) == towers).ToArray();
        var told = new List<string>();
        while (told.Count < StatementsOfCaption)
        {
            var sentences = forms[random.Next(forms.Length)].Sentences;
            var sentence = sentences[random.Next(sentences.Count)];
            if (!sentence.IsForTesting && sentence.Answer(scene) == 0 && !told.Contains(sentence.Text))
                told.Add(sentence.Text);
        }

        return string.Join(" and ", told);
    }

    private static bool IsAboutTowers(SentenceForm<BoxScene> form) => form.Name.StartsWith("towers", StringComparison.Ordinal);

    private static SentenceForm<BoxScene> Items(string name, string[] patterns, IEnumerable<(string[] Words, Func<BoxScene, int?> Answer)> slots)
        => SentenceForm.Of($"items: {name}", SentenceForm.TrueFalse, patterns, slots, (random, forTesting) => Draw(random, BoxesOfStatements, towers: false, forTesting));

    private static SentenceForm<BoxScene> Towers(string name, string[] patterns, IEnumerable<(string[] Words, Func<BoxScene, int?> Answer)> slots)
        => SentenceForm.Of($"towers: {name}", SentenceForm.TrueFalse, patterns, slots, (random, forTesting) => Draw(random, BoxesOfStatements, towers: true, forTesting));

    private static (string[] Words, Func<BoxScene, int?> Answer) Slot(string[] words, Func<BoxScene, bool> holds) => (words, scene => holds(scene) ? 0 : 1);

    /// <summary>Both ends belong to it.</summary>
    private static IEnumerable<int> Range(int first, int last) => Enumerable.Range(first, last - first + 1);

    private static string Digit(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static string Hue(Kind kind) => Colours[kind.Colour!.Value];

    private static int Count(IReadOnlyList<Item> box, Kind kind) => box.Count(kind.Is);

    private static int Total(BoxScene scene, Kind kind) => scene.Boxes.Sum(box => Count(box, kind));

    private static int Touching(BoxScene scene, Kind kind, Wall wall) => scene.Boxes.Sum(box => box.Count(item => kind.Is(item) && item.Touches(wall)));

    private static bool Some(BoxScene scene, Func<IReadOnlyList<Item>, bool> holds) => scene.Boxes.Any(holds);

    private static bool Every(BoxScene scene, Func<IReadOnlyList<Item>, bool> holds) => scene.Boxes.All(holds);

    private static HashSet<int> Hues(IReadOnlyList<Item> box) => [.. box.Select(item => item.Colour)];

    /// <summary>Directly.</summary>
    private static bool IsOn(IReadOnlyList<Item> tower, int upper, int lower)
        => tower.Zip(tower.Skip(1)).Any(pair => pair.First.Colour == lower && pair.Second.Colour == upper);

    /// <summary>Whatever lies between.</summary>
    private static bool IsAbove(IReadOnlyList<Item> tower, int upper, int lower)
        => tower.Index().Any(block => block.Item.Colour == upper && tower.Take(block.Index).Any(below => below.Colour == lower));
}
