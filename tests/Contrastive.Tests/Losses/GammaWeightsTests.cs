using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

public class GammaWeightsTests
{
    [Fact]
    public void Weights_of_the_callers_own_say_what_they_were_made_of()
    {
        using var scope = NewDisposeScope();
        var given = tensor(new[] { 0.5, -2, 3 });
        using var plain = GammaWeights.Create(given);
        plain.LogWeights.ShouldEqual(given, 0);
        plain.LogPartition.ShouldEqual(given.neg(), 0, "u_i = k_i / Ẑ_i");
        plain.LogNegativeScale.ShouldEqual(zeros_like(given), 0);
        plain.PositiveShare.ShouldEqual(ones_like(given), 0);
        (plain.Count, plain.SkippedAnchors).Should().Be((3, 0));

        var scale = tensor(new[] { 1f, 2, 3 });
        using var whole = GammaWeights.Create(given, scale, tensor(new long[] { 1, 2, 4 }));
        whole.LogNegativeScale.ShouldEqual(scale, 0);
        whole.PositiveShare.ShouldEqual(tensor(new[] { 1, 0.5, 0.25 }), 0);
        whole.LogNegativeScale.dtype.Should().Be(ScalarType.Float64, "weights have one dtype");
        whole.PositiveShare.dtype.Should().Be(ScalarType.Float64);

        var rows = whole.Rows(1, 2);
        rows.Count.Should().Be(2);
        rows.LogWeights.ShouldEqual(given.narrow(0, 1, 2), 0);
        rows.LogNegativeScale.ShouldEqual(scale.narrow(0, 1, 2), 0);
        rows.PositiveShare.ShouldEqual(tensor(new[] { 0.5, 0.25 }), 0);
        rows.LogPartition.ShouldEqual(given.narrow(0, 1, 2).neg(), 0);
    }

    [Fact]
    public void Weights_are_copies_of_what_they_were_made_of()
    {
        using var scope = NewDisposeScope();
        var (given, scale) = (ones(3, dtype: ScalarType.Float64), ones(3, dtype: ScalarType.Float64));
        using var weights = GammaWeights.Create(given, scale);
        given.zero_();
        scale.zero_();
        weights.LogWeights.ShouldEqual(ones(3), 0);
        weights.LogNegativeScale.ShouldEqual(ones(3), 0);
    }

    [Fact]
    public void Rows_serve_many_blocks_each_in_a_dispose_scope_of_its_own()
    {
        using var scope = NewDisposeScope();
        using var loss = new GammaContrastiveLoss(new BatchPartition(40), Temperature.Fixed(0.3));
        var (a, b, map) = (Draw.Leaf(1, 6, 3), Draw.Leaf(2, 6, 3), PairMap.Diagonal(6));
        var weights = loss.ExpectationStep(a, b, map);
        var expected = loss.MaximizationStep(a.narrow(0, 1, 4), b, map.Block(1, 4, 0, 6), weights.Rows(1, 4));
        expected.backward();
        var (byA, byB) = (a.grad!.clone(), b.grad!.clone());

        a.grad = b.grad = null;
        var rows = weights.Rows(1, 4);
        var total = 0.0;
        foreach (var first in new[] { 0L, 2, 4 })
        {
            using var block = NewDisposeScope();
            var part = loss.MaximizationStep(a.narrow(0, 1, 4), b.narrow(0, first, 2), map.Block(1, 4, first, 2), rows);
            part.backward();
            total += part.item<double>();
            rows.LogPartition.ShouldEqual(weights.LogPartition.narrow(0, 1, 4), 1e-14);
        }
        total.Should().BeApproximately(expected.item<double>(), 1e-12);
        a.grad!.ShouldEqual(byA, 1e-12);
        b.grad!.ShouldEqual(byB, 1e-12);
        rows.LogWeights.ShouldEqual(weights.LogWeights.narrow(0, 1, 4), 1e-14);
    }

    [Fact]
    public void Rows_leave_nothing_behind()
    {
        using var loss = new GammaContrastiveLoss(new BatchPartition(40), Temperature.Fixed(0.3));
        using var a = Draw.Normal(1, 6, 3);
        using var b = Draw.Normal(2, 6, 3);
        using var weights = loss.ExpectationStep(a, b, PairMap.Diagonal(6));
        var map = PairMap.Diagonal(6).Block(1, 4, 0, 6);
        TensorCount.ShouldStay(() =>
        {
            using var rows = weights.Rows(1, 4);
            for (var i = 0; i < 2; i++)
            {
                using var block = NewDisposeScope();
                loss.MaximizationStep(a.narrow(0, 1, 4), b, map, rows);
            }
        });
        TensorCount.ShouldStay(() =>
        {
            using var step = NewDisposeScope();
            var rows = weights.Rows(1, 4);
            for (var i = 0; i < 2; i++) _ = rows.LogWeights.add(rows.LogPartition);
        });
        weights.LogWeights.ShouldBeFinite();
    }

    [Fact]
    public void Only_the_weights_themselves_have_a_gradient()
    {
        using var scope = NewDisposeScope();
        var (given, scale, count) = (Draw.Leaf(1, 3), Draw.Leaf(2, 3), ones(3, dtype: ScalarType.Float64).requires_grad_());
        using var weights = GammaWeights.Create(given, scale, count);
        weights.LogWeights.requires_grad.Should().BeTrue();
        new[] { weights.LogNegativeScale, weights.PositiveShare }.Should().OnlyContain(tensor => !tensor.requires_grad);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        using var scope = NewDisposeScope();
        Refuses(() => GammaWeights.Create(zeros(3, dtype: ScalarType.Int64)), "logWeights must be float16, bfloat16, float32 or float64 but is Int64");
        Refuses(() => GammaWeights.Create(zeros(3), zeros(3, 1)), "logNegativeScale must have the shape (3) of logWeights but has (3, 1)");
        Refuses(() => GammaWeights.Create(zeros(3), zeros(3, device: META)), "logWeights are on cpu but logNegativeScale are on meta");
        Refuses(() => GammaWeights.Create(zeros(3), positiveCount: ones(3, device: META)), "logWeights are on cpu but positiveCount are on meta");
        Refuses(() => GammaWeights.Create(zeros(3), positiveCount: tensor(new[] { 2, 0.5f, 3 })), "positiveCount must be at least 1 but 0.5 is among them");
        // As many positives as the population has candidates: no negative is left in it.
        Refuses(
            () => new GammaContrastiveLoss(new BatchPartition(3)).forward(
                Draw.Normal(1, 3, 4), Draw.Normal(2, 4, 4), null, PairMap.FromMask(tensor(new[] { true, true, true, false }).unsqueeze(0).expand(3, 4))),
            "the estimator's population is 3 candidates but an anchor has 3 positives in the batch alone");
    }
}
