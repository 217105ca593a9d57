using Contrastive.Numerics;
using CsCheck;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Tests.Combinations;

/// <summary>InfoNCE with explicit negatives, shared and of each anchor's own: every setting in combination, over several steps.</summary>
public class ExplicitNegativesCombinationTests
{
    private sealed record Negatives(
        bool Own, SimilarityMeasure Similarity, double Temperature, bool Learned, int Anchors, int Count, int Width, bool Float64,
        Layout Layout, int Wanted, bool Map, bool Exclude, bool MapIds, int BiasRank, int Offset, MissingPairs MissingPairs,
        nn.Reduction Reduction, int TileRows, int TileColumns, long MemoryBudget, bool Functional, int Seed)
    {
        public ScalarType DType => Float64 ? ScalarType.Float64 : ScalarType.Float32;

        public Tiling Tiling => TileRows == 0 ? AnyTiling.Whole : AnyTiling.Tiles(TileRows, TileColumns, MemoryBudget);
    }

    private static readonly Gen<Negatives> Any =
        from own in Gen.Bool
        from similarity in Gen.Enum<SimilarityMeasure>()
        from temperature in Gen.OneOf(0.05, 0.3, 1.0)
        from learned in Gen.Bool
        from size in Gen.Frequency((4, Gen.Int[1, 6]), (1, Gen.Const(33)))
        from count in Gen.Frequency((4, Gen.Int[1, 6]), (1, Gen.Const(34)))
        from width in Gen.Int[1, 5]
        from float64 in Gen.Int[0, 3]
        from layout in Gen.OneOf(Layout.Contiguous, Layout.Transposed, Layout.Sliced)
        from wanted in Gen.Int[0, 7]
        from map in Gen.Bool
        from exclude in Gen.Bool
        from mapIds in Gen.Bool
        from bias in Gen.Int[0, 2]
        from offset in Gen.Int[0, 2]
        from missing in Gen.Frequency((3, Gen.Const(MissingPairs.Skip)), (1, Gen.Const(MissingPairs.Throw)))
        from reduction in Gen.Enum<nn.Reduction>()
        from rows in Gen.Int[0, 7]
        from columns in Gen.Int[1, 7]
        from budget in Gen.OneOf(0L, 300, 1 << 20)
        from functional in Gen.Bool
        from seed in Gen.Int[0, 1_000_000]
        select new Negatives(
            own, similarity, temperature, learned && !functional, size, count, width, float64 > 0, layout, wanted, map, map && exclude, map && mapIds,
            map ? bias : 0, map ? offset : 0, missing, reduction, functional ? 0 : rows, columns, budget, functional, seed);

    [Fact]
    public void Explicit_negatives() => Any.Check(Check, CombinationTests.Draws(120));

    private static void Check(Negatives c)
    {
        using var temperature = c.Learned ? Temperature.Learned(c.Temperature) : Temperature.Fixed(c.Temperature);
        if (c.Float64) temperature.to(c.DType);
        using var loss = new InfoNCELoss(temperature, similarity: c.Similarity, missingPairs: c.MissingPairs, reduction: c.Reduction) { Tiling = c.Tiling };
        for (var step = 0; step < 3; step++)
        {
            using var scope = NewDisposeScope();
            Step(c, loss, temperature.parameters().SingleOrDefault(), c.Seed + (977 * step), $"in step {step}");
        }
    }

    private static void Step(Negatives c, InfoNCELoss loss, Parameter? parameter, int seed, string step)
    {
        var pairs = PairCase.Create((int)PairKinds.Negatives, c.Anchors + c.Offset, c.Count + (c.Offset / 2), seed, c.Exclude, c.MapIds, c.BiasRank);
        if (c.Offset > 0) pairs = pairs.Block(c.Offset, c.Anchors, c.Offset / 2, c.Count);
        var (a, p, n) = (
            Leaf(0, c.Anchors, c.Width), Leaf(1, c.Anchors, c.Width), c.Own ? Leaf(2, c.Anchors, c.Count, c.Width) : Leaf(2, c.Count, c.Width));
        Tensor[] leaves = [a, p, n];

        Tensor[] exact = [.. leaves.Select(leaf => leaf.detach().to(ScalarType.Float64).clone().requires_grad_())];
        var logScale = (parameter is null ? tensor(-Math.Log(c.Temperature)) : parameter.detach().to(ScalarType.Float64))
            .maximum(tensor(-Math.Log(loss.Temperature.Maximum))).minimum(tensor(-Math.Log(loss.Temperature.Minimum))).requires_grad_();
        var (s, all) = Everything(c, exact, logScale.neg().exp(), pairs);
        var expected = ReferenceDirection.InfoNCE(s, all, PositiveSum.OutsideLog);

        if (c.MissingPairs == MissingPairs.Throw && expected.Skipped > 0)
        {
            FluentActions.Invoking(Take).Should().Throw<ArgumentException>(step).WithMessage("anchor * has no negative*");
            return;
        }
        parameter?.grad?.zero_();
        var actual = Take();
        var rounding = new Rounding(Math.Pow(2, c.Float64 ? -52 : -23));
        var largest = s.detach().abs().max().item<double>();
        rounding.Meet(largest);
        var weights = tensor(all.EachAnchor(i => c.Reduction == nn.Reduction.None ? (i + 1.0) / c.Anchors : expected.Share(c.Reduction)));
        var terms = tensor(expected.Terms) * weights.unsqueeze(1);
        var (value, size) = (Reduced(expected.PerAnchor), Reduced(tensor(expected.Terms).sum(1L).Plus(1)));
        rounding.ShouldAgree(actual.Loss, value, size, "the loss " + step);
        if (actual.Result is { } result)
        {
            rounding.ShouldAgree(result.Objective, value, size, "the objective " + step);
            result.SkippedAnchors.Should().Be(expected.Skipped, step);
        }

        if (!leaves.Any(leaf => leaf.requires_grad) && parameter is null)
        {
            actual.Loss.requires_grad.Should().BeFalse(step);
            return;
        }
        (actual.Loss.dim() == 0 ? actual.Loss : (actual.Loss * weights.to(c.DType)).sum()).backward();
        (expected.PerAnchor * weights).sum().Plus(s.sum().Times(0)).backward();
        foreach (var ((leaf, right), rows) in leaves.Zip(exact).Zip(Sizes(c, exact, terms, logScale)))
        {
            if (leaf.requires_grad) rounding.ShouldAgree(leaf.grad!, right.grad!, rows, "the gradient of the features " + step);
        }
        if (parameter is null) return;
        rounding.ShouldAgree(parameter.grad!, logScale.grad!, terms.sum().Times(largest), "the gradient of the temperature " + step);
        using var constant = no_grad();
        parameter.add_(tensor(0.3).to(parameter.dtype), Scalars.One);

        Tensor Leaf(int index, params long[] shape)
        {
            var values = Draw.Normal(seed + (3 * index) + 1, shape);
            if (c.Similarity == SimilarityMeasure.Cosine) values *= Draw.Normal(seed + (3 * index) + 2, [.. shape[..^1], 1]).exp();
            values = values.to(c.DType);
            values = c.Layout switch
            {
                Layout.Transposed => values.transpose(0, 1).contiguous().transpose(0, 1),
                Layout.Sliced => cat([values, values.Times(3)], -1).narrow(-1, 0, c.Width),
                _ => values,
            };
            // All, none, or some of the three.
            return values.detach().requires_grad_(c.Wanted is 0 or 1 || (c.Wanted >> index & 1) == 1);
        }

        (Tensor Loss, ContrastiveResult? Result) Take()
        {
            var map = c.Map ? pairs.Map : null;
            if (c.Functional)
            {
                return (nn.functional.info_nce(
                    a, p, n, pairs: map, temperature: c.Temperature, similarity: c.Similarity, missingPairs: c.MissingPairs, reduction: c.Reduction), null);
            }
            var found = loss.EvaluateNegatives(a, p, n, map);
            return (found.Loss, found);
        }

        Tensor Reduced(Tensor each) => c.Reduction == nn.Reduction.None ? each : each.sum().Times(expected.Share(c.Reduction));
    }

    /// <summary>(N, 1 + M): the positive and beside it the negatives.</summary>
    private static (Tensor Similarities, PairCase Pairs) Everything(Negatives c, Tensor[] leaves, Tensor temperature, PairCase pairs)
    {
        var (a, p, n) = (Reference.Rows(leaves[0], c.Similarity), Reference.Rows(leaves[1], c.Similarity), Reference.Rows(leaves[2], c.Similarity));
        var positive = (a * p).sum(-1, keepdim: true) / temperature;
        var negative = ((a.unsqueeze(1) * n).sum(-1) / temperature).Plus(tensor(pairs.Bias));
        var kinds = new PairKind[c.Anchors, 1 + c.Count];
        for (var i = 0; i < c.Anchors; i++)
        {
            kinds[i, 0] = PairKind.Positive;
            for (var j = 0; j < c.Count; j++) kinds[i, j + 1] = pairs.Kinds[i, j];
        }
        return (cat([positive, negative], 1), pairs with { Kinds = kinds });
    }

    /// <summary>The size of the terms that make up the gradient of each row.</summary>
    private static Tensor[] Sizes(Negatives c, Tensor[] leaves, Tensor terms, Tensor logScale)
    {
        var isCosine = c.Similarity == SimilarityMeasure.Cosine;
        var lengths = leaves.Select(leaf => (leaf * leaf).sum(-1).sqrt().detach()).ToArray();
        var (a, p, n) = (lengths[0], lengths[1], c.Own ? lengths[2] : lengths[2].unsqueeze(0));
        var (positive, negative) = (terms[.., 0], terms[.., 1..] * logScale.detach().exp());
        positive *= logScale.detach().exp();
        if (isCosine)
        {
            var each = negative / n;
            return [positive.Plus(negative.sum(1L)) / a, positive / p, c.Own ? each : each.sum(0L)];
        }
        var ofNegatives = negative * a.unsqueeze(1);
        return [(positive * p).Plus((negative * n).sum(1L)), positive * a, c.Own ? ofNegatives : ofNegatives.sum(0L)];
    }
}
