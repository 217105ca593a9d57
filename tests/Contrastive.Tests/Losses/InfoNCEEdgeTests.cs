using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>The edges of InfoNCE, of the matrix formed at once and of the same in tiles.</summary>
public abstract class InfoNCEEdgeTests(Tiling tiling)
{
    [Fact]
    public void One_pair_has_no_negative_an_error_or_skipped_and_counted()
    {
        using var scope = NewDisposeScope();
        var a = Draw.Leaf(1, 1, 3);
        using var strict = new InfoNCELoss() { Tiling = tiling };
        FluentActions.Invoking(() => strict.forward(a, a)).Should().Throw<ArgumentException>()
            .WithMessage("anchor 0 has no negative among the candidates (1 of 1 anchors lack one)*");

        using var lenient = new InfoNCELoss(missingPairs: MissingPairs.Skip) { Tiling = tiling };
        var result = lenient.Evaluate(a, a);
        result.SkippedAnchors.Should().Be(1);
        result.Loss.item<double>().Should().Be(0);
        Gradients.Of(result.Loss, a)[0].ShouldEqual(zeros_like(a), 0);
    }

    [Fact]
    public void An_anchor_without_a_positive_is_named()
    {
        using var scope = NewDisposeScope();
        var a = Draw.Normal(1, 3, 3);
        var mask = eye(3, dtype: ScalarType.Bool);
        mask[2, 2] = false;
        using var loss = new InfoNCELoss() { Tiling = tiling };
        FluentActions.Invoking(() => loss.forward(a, a, null, PairMap.FromMask(mask))).Should().Throw<ArgumentException>()
            .WithMessage("anchor 2 has no positive among the candidates (1 of 3 anchors lack one)*");
    }

    [Fact]
    public void Anchors_that_are_skipped_do_not_change_the_mean_of_the_others()
    {
        using var scope = NewDisposeScope();
        var a = Draw.Leaf(1, 4, 3);
        var labels = tensor(new long[] { 0, 0, 1, 1 });
        using var loss = new InfoNCELoss(missingPairs: MissingPairs.Skip) { Tiling = tiling };
        var expected = loss.Evaluate(a, a, null, PairMap.FromLabels(labels));
        expected.SkippedAnchors.Should().Be(0);

        // A fifth row of its own class, which the others are told to ignore.
        var more = cat([a, Draw.Normal(2, 1, 3)]);
        var mask = zeros(5, 5, dtype: ScalarType.Bool);
        mask[TensorIndex.Colon, 4] = true;
        var result = loss.Evaluate(more, more, null, PairMap.FromLabels(cat([labels, tensor(new long[] { 2 })])).Exclude(mask));
        result.SkippedAnchors.Should().Be(1);
        result.Loss.ShouldEqual(expected.Loss);
    }

    [Fact]
    public void Rows_of_one_sample_are_no_negatives_of_each_other()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3));
        var ids = tensor(new long[] { 3, 5, 3, 7 });
        using var loss = new InfoNCELoss(mode: ContrastMode.Symmetric, reduction: nn.Reduction.None) { Tiling = tiling };
        var mask = ids.unsqueeze(1).eq(ids.unsqueeze(0)).logical_and(eye(4, dtype: ScalarType.Bool).logical_not());
        Gradients.ShouldAgree(
            () => loss.forward(a, b, ids),
            () => loss.forward(a, b, null, PairMap.Diagonal(4).Exclude(mask)), 1e-14, a, b);
        loss.forward(a, b, arange(4)).ShouldEqual(loss.forward(a, b), 0);

        using var views = new InfoNCELoss(mode: ContrastMode.TwoViews) { Tiling = tiling };
        var both = cat([ids, ids]);
        Gradients.ShouldAgree(
            () => views.forward(a, b, ids),
            () => views.forward(a, b, null, PairMap.TwoViews(4).WithSampleIds(both)), 1e-14, a, b);
    }

    [Fact]
    public void Sample_ids_exclude_whatever_the_map_is_and_however_often_they_occur()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3));
        var positives = PairMap.FromMask(eye(4, dtype: ScalarType.Bool).roll(1, 0));
        using var loss = new InfoNCELoss() { Tiling = tiling };
        foreach (var ids in new[] { arange(4), tensor(new long[] { 0, 1, 1, 3 }) })
            loss.forward(a, b, ids, positives).ShouldEqual(loss.forward(a, b, null, positives.WithSampleIds(ids)), 0);

        var wide = PairMap.FromLabels(arange(4), arange(6));
        var (c, candidateIds) = (Draw.Leaf(3, 6, 3), tensor(new long[] { 9, 8, 7, 6, 9, 5 }));
        var anchorIds = tensor(new long[] { 9, 8, 7, 6 });
        loss.forward(a, c, anchorIds, wide, candidateIds).ShouldEqual(loss.forward(a, c, null, wide.WithSampleIds(anchorIds, candidateIds)), 0);
    }

    [Fact]
    public void Zero_rows_have_similarity_zero_and_no_gradient()
    {
        using var scope = NewDisposeScope();
        var values = Draw.Normal(1, 3, 4);
        values[1] = zeros(4, dtype: ScalarType.Float64);
        var a = values.requires_grad_();
        var b = Draw.Leaf(2, 3, 4);
        using var loss = new InfoNCELoss(reduction: nn.Reduction.None) { Tiling = tiling };
        var perAnchor = loss.forward(a, b);
        perAnchor[1].item<double>().Should().BeApproximately(Math.Log(3), 1e-12);
        var gradients = Gradients.Of(perAnchor.sum(), a, b);
        gradients[0].ShouldBeFinite();
        gradients[1].ShouldBeFinite();
        gradients[0][1].ShouldEqual(zeros(4, dtype: ScalarType.Float64), 0);
    }

    [Theory]
    [InlineData(0.005)]
    [InlineData(1e-4)]
    [InlineData(10)]
    [InlineData(1e6)]
    public void Any_temperature_stays_finite_at_every_dtype_even_with_identical_rows(double tau)
    {
        foreach (var dtype in new[] { ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64 })
        {
            foreach (var identical in new[] { false, true })
            {
                using var scope = NewDisposeScope();
                var a = (identical ? ones(3, 4) : Draw.Normal(1, 3, 4)).to(dtype).detach().requires_grad_();
                var b = (identical ? ones(3, 4) : Draw.Normal(2, 3, 4)).to(dtype).detach().requires_grad_();
                using var loss = new InfoNCELoss(Temperature.Fixed(tau), ContrastMode.Symmetric) { Tiling = tiling };
                var value = loss.forward(a, b);
                value.dtype.Should().Be(dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32);
                value.ShouldBeFinite();
                foreach (var gradient in Gradients.Of(value, a, b))
                {
                    gradient.dtype.Should().Be(dtype);
                    gradient.ShouldBeFinite();
                }
                if (identical) value.to(ScalarType.Float64).item<double>().Should().BeApproximately(Math.Log(3), 1e-5 + (1e-7 / tau));
            }
        }
    }

    [Fact]
    public void Half_precision_is_computed_in_float32()
    {
        using var scope = NewDisposeScope();
        foreach (var dtype in new[] { ScalarType.Float16, ScalarType.BFloat16 })
        {
            var (a, b) = (Draw.Normal(1, 6, 16).to(dtype), Draw.Normal(2, 6, 16).to(dtype));
            using var loss = new InfoNCELoss(Temperature.Fixed(0.01)) { Tiling = tiling };
            loss.forward(a, b).item<float>().Should().Be(loss.forward(a.to(ScalarType.Float32), b.to(ScalarType.Float32)).item<float>());
        }
    }

    [Fact]
    public void Non_contiguous_features_and_maps_give_the_same()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 6), Draw.Leaf(2, 4, 6));
        var (at, bt) = (a.t().contiguous().t(), b.repeat(1, 2).narrow(1, 3, 6));
        at.is_contiguous().Should().BeFalse();
        bt.is_contiguous().Should().BeFalse();
        var mask = Draw.Mask(3, 0.5, 4, 4).logical_or(eye(4, dtype: ScalarType.Bool));
        var maskView = mask.t().contiguous().t();
        using var loss = new InfoNCELoss(missingPairs: MissingPairs.Skip) { Tiling = tiling };
        loss.forward(at, bt, null, PairMap.FromMask(maskView))
            .ShouldEqual(loss.forward(a, bt.contiguous(), null, PairMap.FromMask(mask)), 1e-14);
    }

    [Fact]
    public void A_bias_of_minus_infinity_leaves_an_anchor_or_a_candidate_out_of_sums_and_gradients()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 6, 3), Draw.Leaf(2, 6, 3));
        var bias = zeros(6, 6, dtype: ScalarType.Float64);
        bias[0, 1..] = double.NegativeInfinity;     // anchor 0 keeps its positive alone
        bias[1.., 2] = double.NegativeInfinity;     // and candidate 2 nothing
        bias[2, 2] = 0;
        var map = PairMap.Diagonal(6).WithLogitBias(bias);
        foreach (var mode in new[] { ContrastMode.OneDirection, ContrastMode.Symmetric })
        {
            using var loss = new InfoNCELoss(mode: mode) { Tiling = tiling };
            var mask = bias.isneginf();
            using var excluding = new InfoNCELoss(mode: mode, missingPairs: MissingPairs.Skip, reduction: nn.Reduction.Sum) { Tiling = tiling };
            var value = loss.forward(a, b, null, map) * 6;
            value.ShouldEqual(excluding.forward(a, b, null, PairMap.Diagonal(6).Exclude(mask)));
            var (found, expected) = (Gradients.Of(value, a, b), Gradients.Of(excluding.forward(a, b, null, PairMap.Diagonal(6).Exclude(mask)), a, b));
            for (var i = 0; i < 2; i++) found[i].ShouldEqual(expected[i]);
        }
    }

    [Fact]
    public void A_million_candidates_do_not_overflow()
    {
        using var scope = NewDisposeScope();
        using var loss = new InfoNCELoss(Temperature.Fixed(1.0 / 75)) { Tiling = new Tiling { DensePairs = tiling.DensePairs } };
        var (a, negatives) = (ones(1, 2).requires_grad_(), ones(1_000_000, 2));
        loss.EvaluateNegatives(a, a, negatives).Loss.item<float>().Should().BeApproximately((float)Math.Log(1_000_001), 1e-3f);
    }

    [Fact]
    public void NaN_features_give_a_NaN_loss_and_not_a_wrong_number()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 3, 4));
        a[1, 2] = double.NaN;
        foreach (var mode in Enum.GetValues<ContrastMode>())
        {
            using var loss = new InfoNCELoss(mode: mode) { Tiling = tiling };
            loss.forward(a, b).isnan().item<bool>().Should().BeTrue();
        }
    }

    [Fact]
    public void Only_inputs_that_need_gradients_get_them()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 3, 4), Draw.Normal(2, 3, 4));
        using var loss = new InfoNCELoss(mode: ContrastMode.Symmetric) { Tiling = tiling };
        loss.forward(a, b).backward();
        a.grad.Should().NotBeNull();
        b.grad.Should().BeNull();
        loss.forward(b, b).requires_grad.Should().BeFalse();
        using (no_grad()) loss.forward(a, b).requires_grad.Should().BeFalse();
    }

    [Fact]
    public void Bad_input_is_refused_with_both_values()
    {
        using var scope = NewDisposeScope();
        var a = Draw.Normal(1, 3, 4);
        using var loss = new InfoNCELoss() { Tiling = tiling };
        using var symmetric = new InfoNCELoss(mode: ContrastMode.Symmetric, reduction: nn.Reduction.None) { Tiling = tiling };
        Refuses(() => loss.forward(a, Draw.Normal(1, 3, 5)), "anchors have 4 features but candidates have 5");
        Refuses(() => loss.forward(a, Draw.Normal(1, 2, 4)), "anchors have 3 rows but candidates have 2");
        Refuses(() => loss.forward(a, a.to(ScalarType.Float32)), "anchors are Float64 but candidates are Float32");
        Refuses(() => loss.forward(a.to(ScalarType.Int64), a), "anchors must be float16, bfloat16, float32 or float64 but is Int64");
        Refuses(() => loss.forward(a[0], a), "anchors must have the shape (N, D) but has (4)");
        Refuses(() => loss.forward(a, ones(3, 2, 2)), "candidates must have the shape (N, D) but has (3, 2, 2)");
        Refuses(() => loss.forward(ones(3, 0), ones(3, 0)), "anchors has no features: its shape is (3, 0)");
        Refuses(() => loss.forward(ones(0, 3), ones(0, 3)), "anchors have no rows");
        Refuses(() => loss.forward(a, empty(3, 4, dtype: ScalarType.Float64, device: META)), "anchors are on cpu but candidates are on meta");
        Refuses(() => loss.forward(a, a, arange(2)), "sampleIds must have the shape (3) but have (2)");
        Refuses(() => loss.forward(a, a, ones(3)), "sampleIds must be integers but are Float32");
        Refuses(() => loss.forward(a, a, null, PairMap.Diagonal(4)), "anchors have 3 rows but the pair map has 4 anchors");
        Refuses(() => loss.forward(a, a, null, PairMap.Negatives(3, 2)), "candidates have 3 rows but the pair map has 2 candidates");
        Refuses(() => symmetric.forward(a, Draw.Normal(2, 5, 4), null, PairMap.FromMask(ones(3, 5, dtype: ScalarType.Bool))),
            "anchors have 3 rows but candidates have 5");
        Refuses(() => nn.functional.info_nce(a, a, Draw.Normal(1, 2, 3)), "anchors have 4 features but negatives have 3");
        Refuses(() => nn.functional.info_nce(a, a, Draw.Normal(1, 2, 5, 4)), "anchors have 3 rows but negatives have 2");
        Refuses(() => nn.functional.info_nce(a, a, ones(4)), "negatives must have the shape (M, D) or (N, M, D) but have (4)");
        Refuses(() => nn.functional.info_nce(a, a, Draw.Normal(1, 0, 4)), "negatives have no rows");
        Refuses(() => nn.functional.info_nce(a, a, arange(12).view(3, 4)), "negatives must be float16, bfloat16, float32 or float64 but is Int64");
        Refuses(() => loss.EvaluateNegatives(a, a, arange(12).view(3, 4)), "negatives must be float16, bfloat16, float32 or float64 but is Int64");
        Refuses(() => loss.EvaluateNegatives(a, a[0], a), "positives must have the shape (N, D) but has (4)");
        Refuses(() => loss.EvaluateNegatives(a, Draw.Normal(1, 3, 5), a), "anchors have 4 features but positives have 5");
        Refuses(() => loss.EvaluateNegatives(a, Draw.Normal(1, 2, 4), a), "anchors have 3 rows but positives have 2");
        Refuses(
            () => loss.EvaluateNegatives(a, a, a, PairMap.Negatives(3, 3).Exclude(zeros(3, 3, dtype: ScalarType.Bool, device: META))),
            "anchors are on cpu but pairs are on meta");
        Refuses(() => nn.functional.info_nce(a, a, a, pairs: PairMap.Negatives(3, 2)), "3 anchors and 3 negatives");
        Refuses(() => nn.functional.info_nce(a, a, a, pairs: PairMap.Negatives(2, 3)), "the pair map has 2 anchors and 3 candidates but there are 3 anchors");
        Refuses(() => nn.functional.info_nce(ones(0, 4), ones(0, 4), ones(2, 4)), "anchors have no rows");
        Refuses(() => nn.functional.info_nce(a, a, a, pairs: PairMap.Diagonal(3)), "must be made with PairMap.Negatives");
        Refuses(() => nn.functional.info_nce(a, a, a, sampleIds: arange(3)), "give sample ids to the pair map");
        Refuses(() => nn.functional.info_nce(a, a, a, candidateIds: arange(3)), "give sample ids to the pair map");
        Refuses(() => nn.functional.info_nce(a, a, temperature: 0), "temperature must be positive and finite but is 0");
        Refuses(() => nn.functional.info_nce(a, a, candidateIds: arange(3)), "candidateIds are given but sampleIds");
        Refuses(() => new InfoNCELoss(mode: (ContrastMode)9), "mode must be one of OneDirection, Symmetric, TwoViews but is 9");
        Refuses(() => new InfoNCELoss(positiveSum: (PositiveSum)9), "positiveSum must be one of");
        Refuses(() => new InfoNCELoss(similarity: (SimilarityMeasure)9), "similarity must be one of");
        Refuses(() => new InfoNCELoss(missingPairs: (MissingPairs)9), "missingPairs must be one of");
        Refuses(() => new InfoNCELoss(reduction: (nn.Reduction)9), "reduction must be one of");
        Refuses(() => new GammaContrastiveLoss(new BatchPartition(), eStep: (EStep)9), "eStep must be one of");
        Refuses(() => new GammaContrastiveLoss(new BatchPartition(), positiveSampling: (PositiveSampling)9), "positiveSampling must be one of");
        Refuses(() => Temperature.Learned(minimum: 1e-40), "minimum must lie in");
        FluentActions.Invoking(() => loss.forward(null!, a)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => loss.EvaluateNegatives(a, a, null!)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => new InfoNCELoss(mode: ContrastMode.Symmetric).EvaluateNegatives(a, a, a))
            .Should().Throw<InvalidOperationException>().WithMessage("*the mode is Symmetric*");
    }

    [Fact]
    public void Steps_leave_no_tensor_behind()
    {
        using var a = Draw.Leaf(1, 4, 3);
        using var b = Draw.Leaf(2, 4, 3);
        using var ids = tensor(new long[] { 0, 1, 1, 2 });
        using var labels = tensor(new long[] { 0, 0, 1, 1 });
        using var candidateLabels = labels.clone();
        foreach (var mode in Enum.GetValues<ContrastMode>())
        {
            using var loss = new InfoNCELoss(Temperature.Learned(), mode) { Tiling = tiling };
            TensorCount.ShouldStay(() =>
            {
                using var value = loss.forward(a, b);
                value.backward();
                using var withIds = loss.Evaluate(a, b, ids);
                withIds.Loss.backward();
            });
        }
        TensorCount.ShouldStay(() =>
        {
            nn.functional.info_nce(a, b, pairs: PairMap.FromLabels(labels, candidateLabels)).Dispose();
            nn.functional.info_nce(a, b, b).Dispose();
            FluentActions.Invoking(() => nn.functional.info_nce(a, b, temperature: -1)).Should().Throw<ArgumentException>();
            FluentActions.Invoking(() => nn.functional.info_nce(a, b, pairs: PairMap.Negatives(4, 4))).Should().Throw<ArgumentException>();
        });
    }
}

public class InfoNCEEdgeTestsOfTheWhole() : InfoNCEEdgeTests(AnyTiling.Whole);

public class InfoNCEEdgeTestsInTiles() : InfoNCEEdgeTests(AnyTiling.Tiles(2, 3));

public class InfoNCEEdgeTestsInTilesThatAreNotKept() : InfoNCEEdgeTests(AnyTiling.Tiles(3, 2, budget: 0));
