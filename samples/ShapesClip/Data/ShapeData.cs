using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>
/// A data set drawn from a seed. Scenes are distinct within and across its sets. Training captions leave things out, as
/// captions do; the others tell everything, so that a probe's labels can be known from them.
/// </summary>
/// <param name="Tokenizer">Of the training captions' words.</param>
/// <param name="Combinations">Those that training never sees.</param>
/// <param name="Train">What is trained on.</param>
/// <param name="Validation">For the curves, and what probes are fitted on. Combinations as in training.</param>
/// <param name="Test">Combinations as in training, no two pairs with the same shape, colour, size and place.</param>
/// <param name="HeldOut">The combinations that training never saw, each with every size and place.</param>
public sealed record ShapeData(
    CaptionTokenizer Tokenizer, IReadOnlySet<(int Shape, int Colour)> Combinations, ShapePairs Train, ShapePairs Validation, ShapePairs Test, ShapePairs HeldOut)
    : IDisposable
{
    /// <summary>Test pairs differ in what both modalities tell, so each caption describes one picture.</summary>
    public const int TestItems = 1000;

    public const int ValidationItems = 2000;

    private const int HeldOutRounds = 2;

    /// <summary>So many at the front of <see cref="HeldOut"/> have no two with the same shape, colour, size and place.</summary>
    public int DistinctHeldOut => HeldOut.Scenes.Count / HeldOutRounds;

    /// <param name="seed">The same seed draws the same data, byte for byte.</param>
    public static ShapeData Draw(int trainItems, int seed, Device device)
    {
        var random = new Random(seed);
        var combinations = Withheld(random);
        (int Shape, int Colour, int Size, int Place)[] seen = [.. Shared().Where(shared => !combinations.Contains((shared.Shape, shared.Colour)))];
        (int Shape, int Colour, int Size, int Place)[] unseen = [.. Shared().Where(shared => combinations.Contains((shared.Shape, shared.Colour)))];
        var taken = new HashSet<Scene>();

        random.Shuffle(seen);
        Scene[] test = [.. seen.Take(TestItems).Select(New)];
        Scene[] heldOut = [.. Enumerable.Repeat(unseen, HeldOutRounds).SelectMany(all => all).Select(New)];
        Scene[] validation = [.. Enumerable.Range(0, ValidationItems).Select(_ => New(seen[random.Next(seen.Length)]))];
        Scene[] train = [.. Enumerable.Range(0, trainItems).Select(_ => New(seen[random.Next(seen.Length)]))];

        var trainCaptions = train.Select(scene => CaptionWriter.Partial(scene, random)).ToArray();
        var tokenizer = CaptionTokenizer.Of(trainCaptions);
        return new ShapeData(
            tokenizer,
            combinations,
            Pairs(train, trainCaptions),
            Pairs(validation, [.. validation.Select(scene => CaptionWriter.Full(scene, random))]),
            Pairs(test, [.. test.Select(scene => CaptionWriter.Full(scene, random))]),
            Pairs(heldOut, [.. heldOut.Select(scene => CaptionWriter.Full(scene, random))]));

        Scene New((int Shape, int Colour, int Size, int Place) shared)
        {
            while (true)
            {
                var scene = Scene.Draw(shared, random);
                if (taken.Add(scene))
                    return scene;
            }
        }

        ShapePairs Pairs(Scene[] scenes, string[] captions)
        {
            var pixels = new byte[scenes.Length * Painter.Bytes];
            for (var i = 0; i < scenes.Length; i++)
                Painter.Draw(scenes[i], random, pixels.AsSpan(i * Painter.Bytes, Painter.Bytes));
            using var scope = NewDisposeScope();
            return new ShapePairs(
                tensor(pixels, [scenes.Length, 3, Painter.Side, Painter.Side]).to(device).MoveToOuterDisposeScope(),
                tokenizer.Encode(captions, device).MoveToOuterDisposeScope(),
                tensor([.. scenes.SelectMany(scene => scene.Classes)], [scenes.Length, Attributes.All.Count]).to(device).MoveToOuterDisposeScope(),
                captions,
                scenes);
        }
    }

    public void Dispose()
    {
        Train.Dispose();
        Validation.Dispose();
        Test.Dispose();
        HeldOut.Dispose();
    }

    /// <summary>Every shape and every colour has two combinations that are held out, so each is well known on its own and only the combination is new.</summary>
    private static HashSet<(int Shape, int Colour)> Withheld(Random random)
    {
        int[] colours = [.. Enumerable.Range(0, Attributes.Colour.Count)];
        random.Shuffle(colours);
        return [.. from shape in Enumerable.Range(0, Attributes.Shape.Count)
                   from next in Enumerable.Range(0, 2)
                   select (shape, colours[(shape + next) % colours.Length])];
    }

    private static IEnumerable<(int Shape, int Colour, int Size, int Place)> Shared()
        => from shape in Enumerable.Range(0, Attributes.Shape.Count)
           from colour in Enumerable.Range(0, Attributes.Colour.Count)
           from size in Enumerable.Range(0, Attributes.Size.Count)
           from place in Enumerable.Range(0, Attributes.Place.Count)
           select (shape, colour, size, place);
}

/// <summary>Pictures, their captions and the classes of their attributes.</summary>
/// <param name="Images">(N, 3, S, S) bytes.</param>
/// <param name="Tokens">(N, L) token ids, padded at the end.</param>
/// <param name="Classes">(N, attributes) in the order of <see cref="Attributes.All"/>.</param>
public sealed record ShapePairs(Tensor Images, Tensor Tokens, Tensor Classes, IReadOnlyList<string> Captions, IReadOnlyList<Scene> Scenes) : IDisposable
{
    public long Items => Images.shape[0];

    /// <summary>(N): pairs with the same shape, colour, size and place have one number.</summary>
    public Tensor FactIds()
    {
        var numbers = new Dictionary<(int, int, int, int), long>();
        return tensor(Scenes.Select(scene => numbers.TryAdd(scene.Shared, numbers.Count) ? numbers.Count - 1 : numbers[scene.Shared]).ToArray(), device: Images.device);
    }

    public void Dispose()
    {
        Images.Dispose();
        Tokens.Dispose();
        Classes.Dispose();
    }
}
