using Contrastive.Samples.ShapesClip;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class TowerTests(SharedShapes shared) : IClassFixture<SharedShapes>
{
    [Fact]
    public void Padding_changes_no_feature()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var towers = Make(seed: 1);
        var tokens = shared.Data.Test.Tokens.narrow(0, 0, 30);
        var padded = cat([tokens, full_like(tokens, shared.Data.Tokenizer.Padding)], 1);

        var difference = (towers.Text.forward(padded) - towers.Text.forward(tokens)).abs().max().item<float>();

        difference.Should().BeLessThan(1e-5f);
    }

    [Fact]
    public void A_picture_s_and_a_caption_s_features_do_not_depend_on_the_others_of_the_batch()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var towers = Make(seed: 1);
        var images = TowerPair.Prepare(shared.Data.Test.Images.narrow(0, 0, 20));
        var tokens = shared.Data.Test.Tokens.narrow(0, 0, 20);

        (towers.Image.forward(images)[3] - towers.Image.forward(images.narrow(0, 3, 1))[0]).abs().max().item<float>().Should().BeLessThan(1e-5f);
        (towers.Text.forward(tokens)[3] - towers.Text.forward(tokens.narrow(0, 3, 1))[0]).abs().max().item<float>().Should().BeLessThan(1e-5f);
    }

    [Fact]
    public void A_seed_decides_the_weights_and_independent_heads_change_none_of_the_others()
    {
        using var scope = NewDisposeScope();
        var (first, again, other, separated) = (Weights(Make(1)), Weights(Make(1)), Weights(Make(2)), Weights(Make(1, independent: true)));

        again.Keys.Should().Equal(first.Keys);
        first.Should().OnlyContain(weight => weight.Value.Equals(again[weight.Key]));
        first.Should().OnlyContain(weight => weight.Value.Equals(separated[weight.Key]));
        separated.Count.Should().BeGreaterThan(first.Count);
        first.Count(weight => !weight.Value.Equals(other[weight.Key])).Should().BeGreaterThan(first.Count / 3);
        // The modules' own draws come from the global generator, which has gone on meanwhile.
        first.Values.Should().OnlyContain(weight => weight.isfinite().all().item<bool>());
    }

    [Fact]
    public void Features_of_augmentations_are_those_of_the_same_input_alone()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var towers = Make(1, independent: true);
        var (items, augmented) = (shared.Data.Test.Tokens.narrow(0, 0, 8), shared.Data.Test.Tokens.narrow(0, 8, 8));

        var features = towers.Text.Features(items, augmented);

        var (own, others) = (towers.Text.Features(items), towers.Text.Features(augmented));
        foreach (var (got, expected) in new[]
        {
            (features.Shared, own.Shared), (features.Augmented!, others.Shared), (features.Independent!, own.Independent!), (features.IndependentAugmented!, others.Independent!),
        })
            (got - expected).abs().max().item<float>().Should().BeLessThan(1e-5f);
        own.Augmented.Should().BeNull();
    }

    [Fact]
    public void Words_and_marks_are_taken_apart_and_only_words_of_training_are_one_token()
    {
        var tokenizer = CaptionTokenizer.Of(["A red square.", "It is all blue"]);

        tokenizer.Words("A RED, square!").Should().Equal("a", "red", ",", "square", "!");
        new[] { "red", "square", "." }.Should().OnlyContain(word => tokenizer.Id(word) >= 0);
        new[] { "zebra", "?" }.Should().NotContain(word => tokenizer.Id(word) > 4, "what training never saw is spelled or unknown");
    }

    private TowerPair Make(long seed, bool independent = false)
    {
        var tokenizer = shared.Data.Tokenizer;
        var sizes = new TowerSizes(32, 8, 16, 2, 24, 12, independent, tokenizer.Vocabulary);
        using var random = Streams.Weights(seed);
        using var independentRandom = Streams.IndependentWeights(seed);
        var towers = new TowerPair(sizes, random, independentRandom);
        towers.eval();
        return towers;
    }

    private static Dictionary<string, Tensor> Weights(TowerPair towers) => towers.state_dict();
}
