using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class SelectionTests
{
    [Fact]
    public void Winogrounds_scores_of_cases_done_by_hand()
    {
        using var scope = NewDisposeScope();
        // [caption, image]: all right; text right alone; image right alone; neither; ties are wrong.
        var scores = tensor(new double[] { 3, 1, 1, 3, 2, 3, 1, 4, 2, 1, 3, 4, 1, 2, 2, 1, 1, 1, 1, 1 }).view(5, 2, 2);
        var report = ImageCaptionSelection.OfScores(scores);
        report.Texts.Should().Equal(1, 1, 0, 0, 0);
        report.Images.Should().Equal(1, 0, 1, 0, 0);
        report.Groups.Should().Equal(1, 0, 0, 0, 0);
        (report.Text, report.Image, report.Group).Should().Be((0.4, 0.4, 0.2));
        report.ToString().Should().Be("text 0.4000, image 0.4000, group 0.2000");
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Features_are_scored_by_caption_and_image(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var captions = Data.Normal(40 * 2, 16, 1).view(40, 2, 16).to_type(type);
        var images = (captions.to_type(ScalarType.Float64) + Data.Normal(40 * 2, 16, 2).view(40, 2, 16)).to_type(type);
        Tensor Unit(Tensor rows) => nn.functional.normalize(rows.to_type(ScalarType.Float64), dim: 2);
        var expected = ImageCaptionSelection.OfScores(Unit(captions).matmul(Unit(images).transpose(1, 2)));
        var report = ImageCaptionSelection.Evaluate(images, captions);
        report.Texts.Should().Equal(expected.Texts);
        report.Images.Should().Equal(expected.Images);
        report.Group.Should().BeInRange(0.1, 0.99);
        // Collapsed features tell nothing, and ties are wrong.
        var same = ones(3, 2, 700, dtype: type).mul(0.3);
        ImageCaptionSelection.Evaluate(same, same).Text.Should().Be(0);
        ImageCaptionSelection.Evaluate(same, same, SimilarityMeasure.DotProduct).Image.Should().Be(0);
        Data.LeftBehind(() => ImageCaptionSelection.Evaluate(images, captions)).Should().Be(0);
    }

    [Fact]
    public void Refuses_what_is_no_pair_of_pairs()
    {
        using var scope = NewDisposeScope();
        RetrievalTests.Refuses(() => ImageCaptionSelection.Evaluate(ones(3, 4), ones(3, 2, 4)), "images", "(N, 2, D)", "(3, 4)");
        RetrievalTests.Refuses(() => ImageCaptionSelection.Evaluate(ones(3, 2, 4), ones(2, 2, 4)), "captions", "3 rows", "2");
        RetrievalTests.Refuses(() => ImageCaptionSelection.Evaluate(ones(3, 2, 4), ones(3, 2, 5)), "captions", "4 features", "5");
        RetrievalTests.Refuses(() => ImageCaptionSelection.OfScores(ones(3, 2, 3)), "scores", "(N, 2, 2)", "(3, 2, 3)");
    }

    [Theory]
    [InlineData("की", "के", false)]              // of, in Hindi: vowel signs
    [InlineData("ป่า", "ป้า", false)]              // forest and aunt in Thai: tones
    [InlineData("🐶", "🐱", false)]
    [InlineData("☀", "❤", false)]
    [InlineData("❤", "❤\uFE0F", true)]
    [InlineData("\uD83D", "\uD83D", true)]        // half a pair
    [InlineData("+", "-", true)]
    public void Answers_in_any_script_are_told_apart_by_all_but_punctuation(string one, string other, bool same)
        => VqaAccuracy.Of(one, [other, other, other, other]).Should().Be(same ? 1 : 0);

    [Fact]
    public void Answers_count_by_how_many_people_gave_them()
    {
        string[] Ten(int yes) => [.. Enumerable.Repeat("yes", yes), .. Enumerable.Repeat("no", 10 - yes)];
        VqaAccuracy.Of("yes", Ten(0)).Should().Be(0);
        // Of one: 9 of 10 ways leave it in. Of two: 8 leave both, 2 leave one. Of three: 7 leave three, 3 leave two.
        VqaAccuracy.Of("yes", Ten(1)).Should().BeApproximately(9 / 30.0, 1e-12);
        VqaAccuracy.Of("yes", Ten(2)).Should().BeApproximately(((8 * 2 / 3.0) + (2 / 3.0)) / 10, 1e-12);
        VqaAccuracy.Of("yes", Ten(3)).Should().BeApproximately((7 + (3 * 2 / 3.0)) / 10, 1e-12);
        VqaAccuracy.Of("yes", Ten(4)).Should().Be(1);
        VqaAccuracy.Of(["yes", "no"], [Ten(4), Ten(4)]).Should().Equal(1, 1);
        VqaAccuracy.Normalize(" The two,  Dogs! ").Should().Be("2 dogs");
        VqaAccuracy.Normalize("1,000.5").Should().Be("1000.5");
        // As far as the runtime has normal forms.
        VqaAccuracy.Normalize("cafe\u0301!").Should().Be("cafe\u0301".Normalize());
        VqaAccuracy.Of("A dog.", ["dog", "the dog", "DOG", "cat"]).Should().BeApproximately((1 + (3 * 2 / 3.0)) / 4, 1e-12);
        RetrievalTests.Refuses(() => VqaAccuracy.Of("yes", ["yes"]), "human", "at least 2", "1");
        RetrievalTests.Refuses(() => VqaAccuracy.Of(["yes"], []), "human", "1 texts", "0 lists");
    }
}
