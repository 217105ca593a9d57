using Contrastive.Samples.ShapesClip;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class AugmentationTests(SharedShapes shared) : IClassFixture<SharedShapes>, IDisposable
{
    private static readonly string[] Places = [.. Attributes.PlacePhrases.SelectMany(words => words)];

    private readonly ShapeData _data = shared.Data;
    private readonly WordTables _words = new(shared.Data.Tokenizer, CPU);

    public void Dispose() => _words.Dispose();

    [Fact]
    public void An_augmented_caption_says_less_or_in_other_words_but_never_something_else()
    {
        using var random = new Generator(1);
        using var augmented = new CaptionAugmentation(_words, synonym: 0.5, swap: 0.5, delete: 0.3, random).Apply(_data.Test.Tokens);

        augmented.shape.Should().Equal(_data.Test.Tokens.shape);
        var changed = 0;
        for (var i = 0; i < _data.Test.Items; i++)
        {
            var (before, after) = (Text(_data.Test.Tokens, i), Text(augmented, i));
            // Class and end token stay at their ends, and no padding gets between.
            after[0].Should().Be("[CLS]");
            after[^1].Should().Be("[SEP]");
            after.Should().NotContain("[PAD]");
            after.Length.Should().BeLessThanOrEqualTo(before.Length);
            after.Select(Canonical).GroupBy(word => word).Should().OnlyContain(
                word => before.Count(own => Canonical(own) == word.Key) >= word.Count(), "'{0}' came of '{1}'", string.Join(' ', after), string.Join(' ', before));
            after.Where(Places.Contains).Select(Canonical).Order().Should().Equal(
                before.Where(Places.Contains).Select(Canonical).Order(), "a place with a word missing is another place");
            changed += after.SequenceEqual(before) ? 0 : 1;
        }

        changed.Should().BeGreaterThan((int)(0.9 * _data.Test.Items));
    }

    [Fact]
    public void Each_change_happens_as_often_as_asked()
    {
        using var random = new Generator(2);
        using var none = new CaptionAugmentation(_words, 0, 0, 0, random).Apply(_data.Test.Tokens);
        none.Equals(_data.Test.Tokens).Should().BeTrue();

        using var deleted = new CaptionAugmentation(_words, 0, 0, 0.3, random).Apply(_data.Test.Tokens);
        var (may, went) = (0, 0);
        for (var i = 0; i < _data.Test.Items; i++)
        {
            var before = Text(_data.Test.Tokens, i);
            may += before.Count(word => word[0] != '[' && !Places.Contains(word));
            went += before.Length - Text(deleted, i).Length;
        }

        (went / (double)may).Should().BeApproximately(0.3, 0.02);

        using var swapped = new CaptionAugmentation(_words, 0, 1, 0, random).Apply(_data.Test.Tokens);
        for (var i = 0; i < _data.Test.Items; i++)
        {
            var (before, after) = (Text(_data.Test.Tokens, i), Text(swapped, i));
            var moved = Enumerable.Range(0, before.Length).Where(place => before[place] != after[place]).ToArray();
            // Two of the same word may change places unseen.
            if (moved.Length > 0)
            {
                moved.Should().HaveCount(2);
                (moved[1] - moved[0]).Should().Be(1);
                (after[moved[0]], after[moved[1]]).Should().Be((before[moved[1]], before[moved[0]]));
            }
        }
    }

    [Fact]
    public void Half_of_the_pairs_are_mirrored_and_their_captions_stay_true()
    {
        using var random = new Generator(3);
        using var scope = NewDisposeScope();
        var (images, tokens) = new PairFlip(_words, random).Apply(_data.Test.Images, _data.Test.Tokens);

        var mirrored = 0;
        for (var i = 0; i < _data.Test.Items; i++)
        {
            var flip = images[i].Equals(_data.Test.Images[i].flip(2));
            if (!flip)
                images[i].Equals(_data.Test.Images[i]).Should().BeTrue();
            mirrored += flip ? 1 : 0;
            Text(tokens, i).Should().Equal(Text(_data.Test.Tokens, i).Select(word => (flip, word) switch
            {
                (true, "left") => "right",
                (true, "right") => "left",
                _ => word,
            }));
        }

        (mirrored / (double)_data.Test.Items).Should().BeApproximately(0.5, 0.06);
    }

    [Fact]
    public void A_picture_that_is_cropped_and_jittered_keeps_its_shape_s_place_and_colour()
    {
        using var random = new Generator(4);
        using var scope = NewDisposeScope();
        var images = _data.Test.Images.narrow(0, 0, 100).to(ScalarType.Float64) / 255;

        var augmented = new PictureAugmentation(smallestCrop: 0.85, jitter: 0.1, random).Apply(images);

        augmented.shape.Should().Equal(images.shape);
        augmented.min().item<double>().Should().BeGreaterThanOrEqualTo(0);
        augmented.max().item<double>().Should().BeLessThanOrEqualTo(1);
        (augmented - images).abs().mean().item<double>().Should().BeInRange(0.01, 0.15);
        using var still = new Generator(4);
        var same = new PictureAugmentation(smallestCrop: 1, jitter: 0, still).Apply(images);
        (same - images).abs().max().item<double>().Should().BeLessThan(1e-6);
    }

    [Fact]
    public void A_seed_decides_what_is_drawn()
    {
        using var scope = NewDisposeScope();
        Views Make(ulong seed)
        {
            var (one, two) = (new Generator(seed), new Generator(seed + 100));
            return new ViewMaker(
                new PairFlip(_words, one), new CaptionAugmentation(_words, 0.5, 0, 0, one), new PictureAugmentation(0.85, 0.1, two), new CaptionAugmentation(_words, 0.5, 0.5, 0.15, two))
                .Make(_data.Test.Images.to(ScalarType.Float32) / 255, _data.Test.Tokens, augment: true);
        }

        var (first, again, other) = (Make(1), Make(1), Make(2));

        again.Images.Equals(first.Images).Should().BeTrue();
        again.Tokens.Equals(first.Tokens).Should().BeTrue();
        again.AugmentedImages!.Equals(first.AugmentedImages!).Should().BeTrue();
        again.AugmentedTokens!.Equals(first.AugmentedTokens!).Should().BeTrue();
        other.Tokens.Equals(first.Tokens).Should().BeFalse();
        other.AugmentedTokens!.Equals(first.AugmentedTokens!).Should().BeFalse();
    }

    /// <summary>The words of a row, without padding.</summary>
    private string[] Text(Tensor tokens, long row)
    {
        using var ids = tokens[row];
        return [.. ids.data<long>().ToArray().Where(id => id != _data.Tokenizer.Padding).Select(id => _data.Tokenizer.Vocabulary[(int)id])];
    }

    /// <summary>One word for all that may stand for each other.</summary>
    private static string Canonical(string word)
    {
        var groups = Attributes.All.Where(kind => kind != Attributes.Price && kind.ToldBy != ToldBy.Picture).SelectMany(kind => kind.Classes)
            .Concat(Attributes.PlacePhrases).Append(["picture", "drawing", "print"]).Append(["at", "in"]).Append(["for", "price"]);
        return groups.FirstOrDefault(group => group.Contains(word))?[0] ?? word;
    }
}
