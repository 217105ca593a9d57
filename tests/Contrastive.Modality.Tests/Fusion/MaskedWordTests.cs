using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

public class MaskedWordTests
{
    private const long Mask = 3;

    private static readonly long[] Special = [0, 1, 2, Mask];

    [Fact]
    public void Words_are_selected_at_the_rate_and_become_mask_random_or_stay_by_their_shares()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        var tokens = randint(0, 50, [400, 100], dtype: ScalarType.Int64, generator: random);
        var masked = new WordMasking(50, Mask, Special).Draw(tokens, random);
        var ordinary = tokens.gt(Mask);
        var selected = masked.Targets.ne(MaskedWordLoss.IgnoredIndex);
        selected.logical_and(ordinary.logical_not()).any().item<bool>().Should().BeFalse("special tokens never");
        masked.Targets.masked_select(selected).IsSameAs(tokens.masked_select(selected)).Should().BeTrue();
        masked.Tokens.masked_select(selected.logical_not()).IsSameAs(tokens.masked_select(selected.logical_not())).Should().BeTrue();
        double Count(Tensor mask) => mask.sum().item<long>();
        var total = Count(selected);
        (total / Count(ordinary)).Should().BeApproximately(0.15, 0.01);
        (Count(masked.Tokens.eq(Mask).logical_and(selected)) / total).Should().BeApproximately(0.8, 0.02);
        // One random token in 46 is the one that was there.
        (Count(masked.Tokens.eq(tokens).logical_and(selected)) / total).Should().BeApproximately(0.1 + 0.1 / 46, 0.02);
        var drawn = masked.Tokens.masked_select(selected.logical_and(masked.Tokens.ne(Mask)));
        drawn.gt(Mask).all().item<bool>().Should().BeTrue("what is drawn is no special token");
        drawn.unique().output.shape[0].Should().Be(46, "each of the others is");
        masked.Positions.IsSameAs(selected.flatten().nonzero().squeeze(1)).Should().BeTrue();
    }

    [Fact]
    public void All_pieces_of_a_whole_word_are_selected_or_none()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(2);
        // 10 and more go on a word. The text: [CLS] 5 10 11 | 6 | 7 12 [SEP] 13: a piece after a special token starts a word.
        bool[] continues = [.. Enumerable.Range(0, 20).Select(token => token >= 10)];
        long[] text = [1, 5, 10, 11, 6, 7, 12, 2, 13, 0];
        var tokens = tensor(text).unsqueeze(0).expand(4000, 10);
        var masking = new WordMasking(20, Mask, Special, rate: 0.3, continuations: continues);
        masking.WholeWords.Should().BeTrue();
        var selected = masking.Draw(tokens, random).Targets.ne(MaskedWordLoss.IgnoredIndex);
        Tensor At(int place) => selected.select(1, place);
        foreach (var (a, b, together) in new[] { (1, 2, true), (2, 3, true), (5, 6, true), (3, 4, false), (4, 5, false), (6, 8, false) })
            At(a).IsSameAs(At(b)).Should().Be(together);
        foreach (var place in new[] { 1, 4, 5, 8 })
            (At(place).sum().item<long>() / 4000.0).Should().BeApproximately(0.3, 0.03);
        foreach (var place in new[] { 0, 7, 9 }) At(place).any().item<bool>().Should().BeFalse();
    }

    [Fact]
    public void A_seed_gives_the_same_words_and_edges_are_defined()
    {
        using var scope = NewDisposeScope();
        var tokens = Draw.Integers(1, 50, 40).view(4, 10);
        var before = tokens.clone();
        MaskedWords Drawn(ulong seed, double rate = 0.5, double mask = 0.8, double random = 0.1)
            => new WordMasking(50, Mask, Special, rate, mask, random).Draw(tokens, new Generator(seed));
        Drawn(1).Tokens.IsSameAs(Drawn(1).Tokens).Should().BeTrue();
        Drawn(1).Tokens.IsSameAs(Drawn(2).Tokens).Should().BeFalse();
        tokens.IsSameAs(before).Should().BeTrue("the given are not changed");
        Drawn(1, rate: 0).Positions.shape.Should().Equal(0);
        Drawn(1, rate: 1).Positions.shape[0].Should().Be(tokens.gt(Mask).sum().item<long>());
        Drawn(1, rate: 1, mask: 1, random: 0).Tokens.le(Mask).all().item<bool>().Should().BeTrue();
        Drawn(1, rate: 1, mask: 0, random: 0).Tokens.IsSameAs(tokens).Should().BeTrue();
        var masking = new WordMasking(50, Mask, Special, continuations: new bool[50]);
        masking.Draw(zeros(0, 5, dtype: ScalarType.Int64)).Tokens.shape.Should().Equal(0, 5);
        masking.Draw(zeros(2, 0, dtype: ScalarType.Int64)).Tokens.shape.Should().Equal(2, 0);
        var drawn = Drawn(1);
        drawn.Select(tokens).shape.Should().Equal(drawn.Positions.shape[0]);
        drawn.Select(rand(4, 10, 3)).shape.Should().Equal(drawn.Positions.shape[0], 3);
        Refuses(() => drawn.Select(rand(4, 9, 3)), "values must have the shape (4, 10) or (4, 10, D) but have (4, 9, 3)");
        TensorCount.ShouldStay(() => masking.Draw(tokens).Dispose());
    }

    [Fact]
    public void What_cannot_be_masked_is_refused_by_name()
    {
        Refuses(() => new WordMasking(1, 0, []), "vocabulary must be at least 2 but is 1");
        Refuses(() => new WordMasking(10, 10, []), "maskToken must lie in [0, 9] but is 10");
        Refuses(() => new WordMasking(10, 1, [-1]), "specialTokens must lie in [0, 9] but is -1");
        Refuses(() => new WordMasking(2, 1, [0, 1]), "all 2 tokens are special");
        Refuses(() => new WordMasking(10, 1, [], rate: 1.1), "rate must lie in [0, 1] but is 1.1");
        Refuses(() => new WordMasking(10, 1, [], maskShare: 0.8, randomShare: 0.3), "add up to at most 1 but are 0.8 and 0.3");
        Refuses(() => new WordMasking(10, 1, [], continuations: new bool[9]), "continuations must be of 10 tokens but are of 9");
        var masking = new WordMasking(10, 1, [1]);
        Refuses(() => masking.Draw(arange(3)), "tokens must have the shape (N, L) but have (3)");
        Refuses(() => masking.Draw(rand(3, 2)), "tokens must be integers but are Float32");
        Refuses(() => masking.Draw(full(2, 2, 10, dtype: ScalarType.Int64)), "tokens must lie in [0, 9] but one is 10");
    }

    [Fact]
    public void The_loss_is_the_formulas_over_combinations_of_settings()
        => (from seed in Gen.Int[0, 1_000_000]
            from n in Gen.Int[1, 3]
            from length in Gen.Int[1, 4]
            from vocabulary in Gen.Int[1, 5]
            from alpha in Gen.OneOf(Gen.Const(0.0), Gen.Const(1.0), Gen.Double[0.1, 0.9])
            from reduction in Gen.Enum<nn.Reduction>()
            from ignore in Gen.Double[0, 1]
            select (seed, n, length, vocabulary, alpha, reduction, ignore)).Check(x =>
        {
            var logits = Draw.Leaf(x.seed, x.n, x.length, x.vocabulary);
            var momentum = Draw.Leaf(x.seed + 1, x.n, x.length, x.vocabulary);
            var told = Draw.Mask(x.seed + 2, x.ignore, x.n, x.length);
            var targets = Draw.Integers(x.seed, x.vocabulary, x.n * x.length).view(x.n, x.length).masked_fill(told.logical_not(), MaskedWordLoss.IgnoredIndex);
            using var loss = new MaskedWordLoss(x.alpha, x.reduction);
            Tensor Actual() => loss.forward(logits, targets, momentum);
            Gradients.ShouldAgree(() => x.reduction == nn.Reduction.None ? Actual().flatten() : Actual(), () =>
            {
                var each = new List<Tensor>();
                for (var i = 0; i < x.n; i++)
                {
                    for (var j = 0; j < x.length; j++)
                    {
                        var z = logits[i, j].log_softmax(0);
                        var y = targets[i, j].item<long>();
                        each.Add(y < 0 ? z.sum() * 0 : -(1 - x.alpha) * z[y] - x.alpha * (momentum[i, j].detach().softmax(0) * z).sum());
                    }
                }
                var all = stack([.. each]);
                return x.reduction switch
                {
                    nn.Reduction.None => all,
                    nn.Reduction.Sum => all.sum(),
                    _ => all.sum() / Math.Max(1, told.sum().item<long>()),
                };
            }, 1e-9, logits);
            if (x.reduction != nn.Reduction.None) Gradients.ShouldMatchFiniteDifferences(Actual, logits);
            if (!Actual().requires_grad) return;
            Actual().sum().backward();
            (momentum.grad is null).Should().BeTrue("no gradient goes to the momentum model's logits");
        });

    [Fact]
    public void Without_a_masked_word_it_is_zero_and_ignored_positions_may_hold_NaN()
    {
        using var scope = NewDisposeScope();
        using var loss = new MaskedWordLoss();
        var logits = full(2, 3, 4, double.NaN, dtype: ScalarType.Float64).requires_grad_();
        var targets = full(2, 3, MaskedWordLoss.IgnoredIndex, dtype: ScalarType.Int64);
        var nothing = loss.forward(logits, targets);
        nothing.item<double>().Should().Be(0);
        nothing.backward();
        logits.grad!.abs().sum().item<double>().Should().Be(0);

        using (no_grad()) logits[1, 2] = zeros(4, dtype: ScalarType.Float64);
        targets[1, 2] = 3;
        loss.forward(logits, targets).item<double>().Should().BeApproximately(Math.Log(4), 1e-12);
        targets[0, 0] = 1;
        loss.forward(logits, targets).isnan().item<bool>().Should().BeTrue("a position to tell shows it");
        loss.Alpha = 0.4;
        loss.forward(zeros(2, 3, 4, dtype: ScalarType.Float64), targets, logits).isnan().item<bool>().Should().BeTrue("of the momentum model's too");

        // A head that is asked for the selected words alone has nothing to say.
        using var masked = new WordMasking(50, Mask, Special, rate: 0).Draw(full(2, 3, 9, dtype: ScalarType.Int64));
        var selected = rand(2, 3, 4).requires_grad_();
        var none = loss.forward(masked.Select(selected), masked.Select(masked.Targets), masked.Select(rand(2, 3, 4)));
        none.item<float>().Should().Be(0);
        none.backward();
        selected.grad!.abs().sum().item<float>().Should().Be(0);
    }

    [Fact]
    public void A_loss_that_does_not_fit_is_refused_by_name_and_leaves_no_tensor()
    {
        using var scope = NewDisposeScope();
        using var loss = new MaskedWordLoss();
        Refuses(() => loss.forward(rand(3), arange(3)), "logits must have the shape (…, V) but have (3)");
        Refuses(() => loss.forward(rand(3, 4), arange(2)), "targets must have the shape (3) but have (2)");
        Refuses(() => loss.forward(rand(3, 4), empty(3, dtype: ScalarType.Int64, device: META)), "logits are on cpu but targets are on meta");
        Refuses(() => loss.forward(rand(3, 4), rand(3)), "targets must be integers but are Float32");
        Refuses(() => loss.forward(zeros(3, 4, dtype: ScalarType.Int64), arange(3)), "logits must be float16");
        Refuses(() => loss.forward(rand(3, 4), tensor(new long[] { 0, 4, 1 })), "targets must lie in [0, 3] but targets[1] is 4");
        Refuses(() => new MaskedWordLoss(2), "must lie in [0, 1] but is 2");
        using var distilled = new MaskedWordLoss(0.4);
        Refuses(() => distilled.forward(rand(3, 4), arange(3)), "Alpha is 0.4 but there are no momentumLogits");
        Refuses(() => distilled.forward(rand(3, 4), arange(3), rand(3, 5)), "logits have the shape (3, 4) but momentumLogits have (3, 5)");
        Refuses(() => distilled.forward(rand(3, 4), arange(3), rand(3, 4, dtype: ScalarType.Float64)), "logits are Float32 but momentumLogits are Float64");
        var (logits, targets, momentum) = (rand(3, 4), arange(3), rand(3, 4));
        distilled.forward(logits.to(ScalarType.BFloat16), targets, momentum.to(ScalarType.BFloat16)).dtype.Should().Be(ScalarType.Float32);
        TensorCount.ShouldStay(() => distilled.forward(logits, targets, momentum).Dispose());
    }
}
