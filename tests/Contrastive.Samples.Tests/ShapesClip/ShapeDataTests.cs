using Contrastive.Samples.ShapesClip;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class ShapeDataTests(SharedShapes shared) : IClassFixture<SharedShapes>
{
    private readonly ShapeData _data = shared.Data;

    [Fact]
    public void A_seed_decides_every_picture_and_caption()
    {
        using var again = ShapeData.Draw(SharedShapes.Pairs, SharedShapes.Seed, CPU);
        using var other = ShapeData.Draw(SharedShapes.Pairs, SharedShapes.Seed + 1, CPU);

        foreach (var (set, same) in new[] { (_data.Train, again.Train), (_data.Validation, again.Validation), (_data.Test, again.Test), (_data.HeldOut, again.HeldOut) })
        {
            same.Images.Equals(set.Images).Should().BeTrue();
            same.Tokens.Equals(set.Tokens).Should().BeTrue();
            same.Captions.Should().Equal(set.Captions);
            same.Scenes.Should().Equal(set.Scenes);
        }

        other.Train.Captions.Should().NotEqual(_data.Train.Captions);
        other.Train.Images.Equals(_data.Train.Images).Should().BeFalse();
    }

    [Fact]
    public void No_two_scenes_and_no_two_pictures_are_the_same()
    {
        var scenes = shared.Sets.SelectMany(set => set.Pairs.Scenes).ToArray();
        scenes.Should().OnlyHaveUniqueItems();

        var pictures = new HashSet<string>();
        foreach (var (_, pairs) in shared.Sets)
        {
            var bytes = pairs.Images.bytes.ToArray();
            for (var i = 0; i < pairs.Items; i++)
                pictures.Add(Convert.ToBase64String(bytes, i * Painter.Bytes, Painter.Bytes)).Should().BeTrue();
        }

        pictures.Should().HaveCount(scenes.Length);
    }

    [Fact]
    public void Held_out_combinations_are_two_of_each_shape_and_colour_and_only_in_the_set_for_them()
    {
        var held = _data.HeldOut.Scenes.Select(scene => scene.Combination).Distinct().ToArray();

        held.Should().HaveCount(_data.Combinations.Count).And.OnlyContain(combination => _data.Combinations.Contains(combination));
        held.CountBy(combination => combination.Shape).Should().HaveCount(Attributes.Shape.Count).And.OnlyContain(shape => shape.Value == 2);
        held.CountBy(combination => combination.Colour).Should().HaveCount(Attributes.Colour.Count).And.OnlyContain(colour => colour.Value == 2);
        foreach (var (name, pairs) in shared.Sets.Where(set => set.Name != "held out"))
            pairs.Scenes.Should().NotContain(scene => held.Contains(scene.Combination), name);
    }

    [Fact]
    public void Pairs_with_the_same_facts_have_one_id_and_others_have_others()
    {
        using var ids = _data.Train.FactIds();
        var numbered = ids.data<long>().Zip(_data.Train.Scenes.Select(scene => scene.Shared)).Distinct().ToArray();

        numbered.Length.Should().BeLessThan(_data.Train.Scenes.Count);
        numbered.Select(pair => pair.Second).Should().OnlyHaveUniqueItems();
        numbered.Select(pair => pair.First).Order().Should().Equal(Enumerable.Range(0, numbered.Length).Select(id => (long)id));
    }

    [Theory]
    [InlineData("infonce")]
    [InlineData("gamma-mean")]
    public void With_facts_as_ids_pairs_that_tell_the_same_are_not_contrasted(string loss)
    {
        // All tell what the first or the second tells: each pair has half of the others as negatives.
        using var data = ShapeData.Draw(SharedShapes.Pairs, SharedShapes.Seed, CPU);
        var alike = data with { Train = data.Train with { Scenes = [.. data.Train.Scenes.Select((_, i) => data.Train.Scenes[i % 2])] } };

        Objective("--facts-as-ids").Should().BeInRange(0.1, Objective() - 0.5);

        double Objective(params string[] more)
        {
            var command = new ShapesCommand();
            var settings = command.Settings(command.Root.Parse(
                ["--loss", loss, "--pairs", $"{SharedShapes.Pairs}", "--image-width", "8", "--text-width", "8", "--encoding", "16", "--features", "8", .. more]));
            using var run = new TrainingRun(new RunKey("none", loss, 16, 0), settings, alike, _ => new Glance(0, 0), CPU);
            return run.TakeStep().Single().Value;
        }
    }

    [Fact]
    public void Test_pairs_differ_in_what_both_modalities_tell_so_retrieval_has_one_answer()
    {
        _data.Test.Scenes.Select(scene => scene.Shared).Should().OnlyHaveUniqueItems();
        _data.HeldOut.Scenes.Take(_data.DistinctHeldOut).Select(scene => scene.Shared).Should().OnlyHaveUniqueItems();
        _data.DistinctHeldOut.Should().Be(_data.Combinations.Count * Attributes.Size.Count * Attributes.Place.Count);
    }

    [Fact]
    public void A_full_caption_tells_the_classes_of_all_its_attributes_and_of_no_other()
    {
        foreach (var (name, pairs) in shared.Sets.Where(set => set.Name != "train"))
        {
            foreach (var (caption, scene) in pairs.Captions.Zip(pairs.Scenes))
            {
                foreach (var (kind, index) in Told())
                {
                    Classes(caption, kind).Should().Equal([(int)scene.Classes[index]], $"of the {kind.Name} in '{caption}', {name}");
                }

                PlaceIn(caption).Should().Be(scene.Place, caption);
            }
        }
    }

    [Fact]
    public void A_training_caption_tells_shape_and_colour_always_the_rest_mostly_and_nothing_false()
    {
        var left = new Dictionary<string, int>();
        foreach (var (caption, scene) in _data.Train.Captions.Zip(_data.Train.Scenes))
        {
            foreach (var (kind, index) in Told())
            {
                var told = Classes(caption, kind);
                told.Should().BeSubsetOf([(int)scene.Classes[index]], caption);
                left[kind.Name] = left.GetValueOrDefault(kind.Name) + (told.Length == 0 ? 1 : 0);
            }
        }

        left["shape"].Should().Be(0);
        left["colour"].Should().Be(0);
        foreach (var kind in new[] { "size", "mood", "price" })
            (left[kind] / (double)SharedShapes.Pairs).Should().BeInRange(0.3, 0.5, kind);
    }

    [Fact]
    public void Captions_do_not_know_texture_and_rotation()
    {
        // The same scene but for these, with the same draws, is told in the same words.
        var scene = _data.Train.Scenes[0];
        var captions = from texture in Enumerable.Range(0, Attributes.Texture.Count)
                       from rotation in Enumerable.Range(0, Attributes.Rotation.Count)
                       select CaptionWriter.Full(scene with { Texture = texture, Rotation = rotation }, new Random(5));

        captions.Distinct().Should().ContainSingle();
    }

    [Fact]
    public void Pictures_do_not_know_mood_and_price_but_everything_else()
    {
        var scene = new Scene(Shape: 9, Colour: 0, Size: 2, Place: 4, Texture: 1, Rotation: 1, Mood: 2, Price: 3);

        Picture(scene with { Mood = 0, Price = 0 }).Should().Equal(Picture(scene));
        foreach (var other in new[] { scene with { Shape = 3 }, scene with { Colour = 1 }, scene with { Size = 1 }, scene with { Place = 0 }, scene with { Texture = 2 }, scene with { Rotation = 2 } })
            Picture(other).Should().NotEqual(Picture(scene));

        static byte[] Picture(Scene scene)
        {
            var pixels = new byte[Painter.Bytes];
            Painter.Draw(scene, new Random(8), pixels);
            return pixels;
        }
    }

    /// <summary>The attributes a caption has words of its own for; places are read by <see cref="PlaceIn"/>.</summary>
    private static IEnumerable<(AttributeKind Kind, int Index)> Told()
        => Attributes.All.Index().Where(kind => kind.Item.ToldBy != ToldBy.Picture && kind.Item != Attributes.Place).Select(kind => (kind.Item, kind.Index));

    private static int[] Classes(string caption, AttributeKind kind)
    {
        var words = caption.Split(' ');
        return [.. kind.Classes.Index().Where(named => named.Item.Any(words.Contains)).Select(named => named.Index)];
    }

    private static int PlaceIn(string caption)
    {
        var words = caption.Split(' ');
        bool Says(int phrase) => Attributes.PlacePhrases[phrase].Any(word => words.Contains(word));
        return 3 * (Says(0) ? 0 : Says(1) ? 2 : 1) + (Says(2) ? 0 : Says(3) ? 2 : 1);
    }
}
