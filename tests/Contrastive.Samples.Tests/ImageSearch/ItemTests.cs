using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;

namespace Contrastive.Samples.Tests.ImageSearch;

public class ItemTests
{
    [Fact]
    public void Pictures_of_one_item_with_equal_captions_or_equal_pixels_are_one_item()
    {
        Picture[] pictures =
        [
            Of(1, ["cat"], "c"), Of(2, ["dog"], null), Of(3, ["kitten"], "c"), Of(4, ["Dog"], null), Of(5, ["bird"], null), Of(6, [], null),
            Of(5, ["sparrow"], null), Of(7, ["fish"], "f"), Of(8, ["shark", "kitten"], "f"), Of(9, ["owl"], null),
        ];

        Items.Of(pictures).Should().BeEquivalentTo(
            (int[][])[[0, 2, 7, 8], [1, 3], [4, 6], [9]], options => options.WithStrictOrdering(), "a picture without a caption is no item of its own");
    }

    [Theory]
    [InlineData(false, 79, 20)]
    [InlineData(true, 69, 10)]
    public void Items_are_split_and_not_pictures_and_validation_items_are_never_test_items(bool validation, int train, int scored)
    {
        int[][] items = [.. Enumerable.Range(0, 99).Select(item => new[] { 2 * item, 2 * item + 1 })];

        var split = Split.Of(items, Settings.With(validation));
        var other = Split.Of(items, Settings.With(!validation));

        split.Train.Should().HaveCount(train);
        split.Scored.Should().HaveCount(scored);
        split.Train.Concat(split.Scored).Should().OnlyHaveUniqueItems().And.OnlyContain(pictures => pictures.Length == 2);
        split.Scored.Should().NotIntersectWith(other.Scored);
        (validation ? other : split).Train.Should().Contain((validation ? split : other).Scored, "what test items are not chosen by is trained on");
    }

    [Fact]
    public void Too_few_items_are_refused()
        => new Action(() => Split.Of([[0], [1], [2], [3], [4]], Settings.With(false))).Should().Throw<UserError>().WithMessage("5 items*");

    [Fact]
    public void A_caption_is_its_words_and_their_triples_of_letters_whatever_the_case()
    {
        var hash = new CaptionHash(1 << 20);

        CaptionHash.Words("Arrow-left,  2nd ÉTÉ!").Should().Equal("arrow", "left", "2nd", "été");
        hash.Numbers("Cat").Should().HaveCount(4, "cat, <ca, cat and at>").And.OnlyHaveUniqueItems().And.Equal(hash.Numbers("cat!"));
        hash.Numbers("cats").Should().Contain(hash.Numbers("cat")[1..3]).And.NotContain(hash.Numbers("cat")[0]);
        hash.Numbers("?!").Should().ContainSingle("no words are something as well");
        hash.Numbers("été").Should().OnlyContain(number => number >= 0 && number < 1 << 20);
        // Written down: a saved model's rows are these.
        hash.Numbers("cat").Should().Equal(Known);
    }

    private static readonly long[] Known = [735855, 586784, 366958, 53561];

    private static Picture Of(byte pixels, string[] captions, string? item) => new("", null, [pixels], captions, null, item);
}
