using Contrastive.Samples.FusionModel.Data;
using Contrastive.Samples.FusionModel.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.FusionModel;

public sealed class FusionNetTests
{
    private static readonly string[] Sentences = ["is there a red circle?", "how many green shapes are there?", "what?"];
    private static readonly string[] Answers = ["yes", "light blue", "no"];

    private static FusionSizes Sizes(int boxes) => new(16, 8, 2, 4, boxes, CaptionTokenizer.Of([.. Sentences, .. Answers]).Vocabulary);

    [Fact]
    public void A_block_looks_at_others_as_attention_is_written()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        const int width = 8, heads = 4;
        using var block = new CrossBlock(width);
        block.to(ScalarType.Float64);
        var x = randn([2, 3, width], dtype: ScalarType.Float64, generator: random);
        var others = randn([2, 5, width], dtype: ScalarType.Float64, generator: random);
        // The last two tokens of the second row are padding.
        var there = ones(2, 1, 1, 5, dtype: ScalarType.Bool);
        there[1, 0, 0, 3] = there[1, 0, 0, 4] = tensor(false);
        var all = ones(1, 1, 1, 3, dtype: ScalarType.Bool);

        var found = block.forward(x, all, block.Look(others, there));

        var weights = block.named_parameters().ToDictionary(named => named.name, named => (Tensor)named.parameter);
        var qkv = Layer(Norm(x, "norm1"), "attention").chunk(3, 2);
        var y = x + Layer(Attention(qkv[0], qkv[1], qkv[2], all), "projection");
        var kv = Layer(others, "key_value").chunk(2, 2);
        y += Layer(Attention(Layer(Norm(y, "norm_cross"), "query"), kv[0], kv[1], there), "projection_cross");
        y += Layer(nn.functional.gelu(Layer(Norm(y, "norm2"), "expand")), "contract");
        (found - y).abs().max().item<double>().Should().BeLessThan(1e-12);

        Tensor Layer(Tensor rows, string name) => rows.matmul(weights[$"{name}.weight"].t()) + weights[$"{name}.bias"];

        Tensor Norm(Tensor rows, string name) => nn.functional.layer_norm(rows, [width], weights[$"{name}.weight"], weights[$"{name}.bias"]);

        Tensor Attention(Tensor q, Tensor k, Tensor v, Tensor mask)
        {
            var parts = new List<Tensor>();
            for (var head = 0; head < heads; head++)
            {
                var (from, to) = (head * width / heads, (head + 1) * width / heads);
                var scores = Part(q).matmul(Part(k).transpose(1, 2)) / Math.Sqrt(width / (double)heads);
                parts.Add(scores.masked_fill(mask.squeeze(1).logical_not(), double.NegativeInfinity).softmax(2).matmul(Part(v)));

                Tensor Part(Tensor rows) => rows[.., .., from..to];
            }

            return cat(parts, 2);
        }
    }

    [Theory]
    [InlineData("vqa", 1)]
    [InlineData("reasoning", 3)]
    public void Padding_and_neighbours_change_no_score(string task, int boxes)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using var random = new Generator(2);
        using var net = new TaskNet(Enum.Parse<FusionTask>(task, ignoreCase: true), Sizes(boxes), Answers, random);
        var pictures = randint(0, 256, [Sentences.Length, boxes, 3, 16, 16], dtype: ScalarType.Byte, generator: random);
        var tokens = net.Fusion.Tokenizer.Encode(Sentences, CPU);

        var scores = net.Scores(net.States(pictures, tokens));

        for (var row = 0; row < Sentences.Length; row++)
        {
            var length = tokens[row].ne(net.Fusion.Tokenizer.Padding).sum().item<long>();
            var alone = net.Scores(net.States(pictures.narrow(0, row, 1), tokens.narrow(0, row, 1).narrow(1, 0, length)));
            (alone[0] - scores[row]).abs().max().item<float>().Should().BeLessThan(1e-5f);
        }

        (scores[0] - scores[1]).abs().max().item<float>().Should().BeGreaterThan(1e-4f);
    }

    [Theory]
    [InlineData("vqa", 1)]
    [InlineData("reasoning", 3)]
    public void A_picture_that_several_sentences_are_about_is_given_once(string task, int boxes)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using var random = new Generator(5);
        using var net = new TaskNet(Enum.Parse<FusionTask>(task, ignoreCase: true), Sizes(boxes), Answers, random);
        var pictures = randint(0, 256, [2, boxes, 3, 16, 16], dtype: ScalarType.Byte, generator: random);
        var which = tensor(new long[] { 1, 0, 1 });
        var tokens = net.Fusion.Tokenizer.Encode(Sentences, CPU);

        var scores = net.Scores(net.States(pictures, tokens, which));

        scores.allclose(net.Scores(net.States(pictures.index_select(0, which), tokens)), atol: 1e-6).Should().BeTrue();
    }

    [Theory]
    [InlineData("vqa")]
    [InlineData("reasoning")]
    public void A_model_goes_on_from_one_of_the_same_task_that_knows_fewer_words(string task)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using var random = new Generator(6);
        var (kind, sizes) = (Enum.Parse<FusionTask>(task, ignoreCase: true), Sizes(1));
        using var before = new TaskNet(kind, sizes, Answers, random);
        using var after = new TaskNet(kind, sizes with { Vocabulary = Vocabulary.Extended(sizes.Vocabulary, ["an unheard word"]) }, Answers, random);
        var pictures = randint(0, 256, [Sentences.Length, 1, 3, 16, 16], dtype: ScalarType.Byte, generator: random);
        var tokens = before.Fusion.Tokenizer.Encode(Sentences, CPU);
        var scores = before.Scores(before.States(pictures, tokens));

        after.TakeFrom(before);

        var same = after.Scores(after.States(pictures, tokens));
        // What words there are to say beside an answer takes from its likelihood, as much from each token's.
        (kind == FusionTask.Vqa ? same.argmax(1).eq(scores.argmax(1)).all().item<bool>() : same.allclose(scores)).Should().BeTrue();
        (scores[0] - scores[1]).abs().max().item<float>().Should().BeGreaterThan(1e-4f);
        foreach (var (name, weights) in before.named_parameters())
            after.get_parameter(name)!.narrow(0, 0, weights.shape[0]).Equals(weights).Should().BeTrue(name);
    }

    [Fact]
    public void The_decoder_ranks_by_the_likelihood_of_the_whole_answer()
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using var random = new Generator(3);
        using var net = new TaskNet(FusionTask.Vqa, Sizes(1), Answers, random);
        var pictures = randint(0, 256, [3, 1, 3, 16, 16], dtype: ScalarType.Byte, generator: random);
        var states = net.States(pictures, net.Fusion.Tokenizer.Encode(Sentences, CPU));
        var right = tensor(new long[] { 1, 0, 2 });

        var scores = net.Scores(states);

        // Every answer has a likelihood of its own, whatever others there are; all of them are a part of what could be said.
        scores.exp().sum(dim: 1).max().item<float>().Should().BeLessThan(1);
        net.Loss(states, right).item<float>().Should().BeApproximately(-scores.gather(1, right.unsqueeze(1)).mean().item<float>(), 1e-5f);
        // "light blue" has a token more than "yes": first weights say little, so it is less likely.
        scores[0, 1].item<float>().Should().BeLessThan(scores[0, 0].item<float>());
    }

    [Fact]
    public void A_model_of_three_boxes_gives_its_blocks_to_one_of_three_and_its_first_to_one_of_one()
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using var random = new Generator(4);
        using var pretrained = new FusionNet(Sizes(3), random);
        foreach (var weights in pretrained.parameters())
            weights.copy_(randn(weights.shape, generator: random));
        using var three = new FusionNet(Sizes(3), random);
        using var one = new FusionNet(Sizes(1), random);
        using var single = new FusionNet(Sizes(1), random);
        using var fromSingle = new FusionNet(Sizes(3), random);

        three.TakeFrom(pretrained);
        one.TakeFrom(pretrained);
        fromSingle.TakeFrom(single);

        var tokens = pretrained.Tokenizer.Encode(Sentences, CPU);
        Tensor[] pictures = [.. Enumerable.Range(0, 3).Select(_ => randint(0, 256, [3, 3, 16, 16], dtype: ScalarType.Byte, generator: random))];
        Fused(three, pictures).allclose(Fused(pretrained, pictures)).Should().BeTrue();
        Fused(one, pictures[..1]).allclose(Fused(pretrained, pictures[..1])).Should().BeTrue();
        Fused(three, pictures).allclose(Fused(three, [pictures[2], pictures[1], pictures[0]])).Should().BeFalse();
        // A model of one box starts all three alike.
        var blocks = fromSingle.named_parameters().ToDictionary(named => named.name, named => (Tensor)named.parameter);
        blocks["fusion_blocks.0.2.query.weight"].allclose(blocks["fusion_blocks.0.0.query.weight"]).Should().BeTrue();

        Tensor Fused(FusionNet net, Tensor[] shown) => net.Fuse([.. shown.Select(picture => net.Look(net.Image(picture)))], net.Text(tokens));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void The_first_token_alone_is_the_first_of_all_with_the_same_gradients(int boxes)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(5);
        using var net = new FusionNet(Sizes(boxes), random);
        net.to(ScalarType.Float64);
        Tensor[] pictures = [.. Enumerable.Range(0, boxes).Select(_ => randn([3, 5, 8], dtype: ScalarType.Float64, generator: random))];
        var tokens = net.Tokenizer.Encode(Sentences, CPU);
        var direction = randn([3, 1, 8], dtype: ScalarType.Float64, generator: random);

        var (all, allGradients) = Made(first: false);
        var (first, gradients) = Made(first: true);

        all.shape[1].Should().BeGreaterThan(1);
        (first - all.narrow(1, 0, 1)).abs().max().item<double>().Should().BeLessThan(1e-12);
        gradients.Should().HaveCountGreaterThan(10).And.HaveSameCount(allGradients);
        foreach (var (gradient, expected) in gradients.Zip(allGradients))
            (gradient - expected).abs().max().item<double>().Should().BeLessThan(1e-12);

        (Tensor States, List<Tensor> Gradients) Made(bool first)
        {
            net.zero_grad();
            PictureStates[] seen = [.. pictures.Select(net.Look)];
            var states = net.Fuse(seen, net.Text(tokens), onlyFirst: first);
            (states.narrow(1, 0, 1) * direction).sum().backward();
            return (states, [.. net.parameters().Select(weights => weights.grad).OfType<Tensor>().Select(gradient => gradient.clone())]);
        }
    }
}
