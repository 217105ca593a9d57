using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>The edges of InfoNCE's variants and of weights, of the matrix formed at once and of the same in tiles.</summary>
public abstract class InfoNCEVariantEdgeTests(Tiling tiling)
{
    [Fact]
    public void One_pair_has_no_negative_an_error_or_skipped_and_counted()
    {
        foreach (var variant in Variants)
        {
            using var scope = NewDisposeScope();
            var a = Draw.Leaf(1, 1, 3);
            using var strict = variant.Make(tiling, ContrastMode.Symmetric, MissingPairs.Throw, nn.Reduction.Mean);
            FluentActions.Invoking(() => strict.forward(a, a)).Should().Throw<ArgumentException>(variant.Name)
                .WithMessage("anchor 0 has no negative among the candidates (1 of 1 anchors lack one)*");

            using var lenient = variant.Make(tiling, ContrastMode.Symmetric, MissingPairs.Skip, nn.Reduction.Mean);
            foreach (var map in new[] { PairMap.Diagonal(1), PairMap.Diagonal(1).WithWeights(ones(1)) })
            {
                var result = lenient.Evaluate(a, a, null, map);
                result.SkippedAnchors.Should().Be(2, variant.Name);
                result.Loss.item<double>().Should().Be(0, variant.Name);
                Gradients.Of(result.Loss, a)[0].ShouldEqual(zeros_like(a), 0, variant.Name);
            }
        }
    }

    [Fact]
    public void Finite_differences_agree_for_every_input()
    {
        foreach (var variant in Variants)
        {
            foreach (var mode in Enum.GetValues<ContrastMode>())
            {
                using var scope = NewDisposeScope();
                var (a, b) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3));
                using var loss = variant.Make(tiling, mode, MissingPairs.Throw, nn.Reduction.Mean);
                loss.to(ScalarType.Float64);
                var scale = loss.Temperature.parameters().Single();
                // The lower bound of debiased sums is a constant, and moves with τ.
                if (variant.IsDebiased) Gradients.ShouldMatchFiniteDifferences(() => loss.forward(a, b), a, b);
                else Gradients.ShouldMatchFiniteDifferences(() => loss.forward(a, b), a, b, scale);
            }
        }
    }

    [Theory]
    [InlineData(0.005)]
    [InlineData(1e-4)]
    [InlineData(1e6)]
    public void Any_temperature_stays_finite_at_every_dtype_even_with_identical_rows(double tau)
    {
        foreach (var variant in Variants)
        {
            foreach (var dtype in new[] { ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64 })
            {
                foreach (var identical in new[] { false, true })
                {
                    using var scope = NewDisposeScope();
                    var a = (identical ? ones(3, 4) : Draw.Normal(1, 3, 4)).to(dtype).detach().requires_grad_();
                    var b = (identical ? ones(3, 4) : Draw.Normal(2, 3, 4)).to(dtype).detach().requires_grad_();
                    using var loss = variant.Make(tiling, ContrastMode.Symmetric, MissingPairs.Throw, nn.Reduction.Mean, Temperature.Fixed(tau));
                    var value = loss.forward(a, b);
                    value.dtype.Should().Be(dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32);
                    value.ShouldBeFinite(variant.Name);
                    foreach (var gradient in Gradients.Of(value, a, b))
                    {
                        gradient.dtype.Should().Be(dtype);
                        gradient.ShouldBeFinite(variant.Name);
                    }
                }
            }
        }
    }

    [Fact]
    public void NaN_features_give_a_NaN_loss_and_not_a_wrong_number()
    {
        foreach (var variant in Variants)
        {
            using var scope = NewDisposeScope();
            var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 3, 4));
            a[1, 2] = double.NaN;
            using var loss = variant.Make(tiling, ContrastMode.Symmetric, MissingPairs.Throw, nn.Reduction.Mean);
            loss.forward(a, b).isnan().item<bool>().Should().BeTrue(variant.Name);
        }
    }

    [Fact]
    public void Zero_rows_take_no_gradient_and_half_precision_is_computed_in_float32()
    {
        foreach (var variant in Variants)
        {
            using var scope = NewDisposeScope();
            var values = Draw.Normal(1, 3, 4);
            values[1] = zeros(4, dtype: ScalarType.Float64);
            var (a, b) = (values.requires_grad_(), Draw.Leaf(2, 3, 4));
            using var loss = variant.Make(tiling, ContrastMode.Symmetric, MissingPairs.Throw, nn.Reduction.Mean);
            var gradients = Gradients.Of(loss.forward(a, b), a, b);
            foreach (var gradient in gradients) gradient.ShouldBeFinite(variant.Name);
            gradients[0][1].ShouldEqual(zeros(4, dtype: ScalarType.Float64), 0, variant.Name);

            var (c, d) = (Draw.Normal(1, 6, 16).to(ScalarType.BFloat16), Draw.Normal(2, 6, 16).to(ScalarType.BFloat16));
            loss.forward(c, d).item<float>().Should().Be(loss.forward(c.to(ScalarType.Float32), d.to(ScalarType.Float32)).item<float>());
        }
    }

    [Fact]
    public void Non_contiguous_features_targets_and_weights_give_the_same()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 6), Draw.Leaf(2, 4, 6));
        var (at, bt) = (a.t().contiguous().t(), b.repeat(1, 2).narrow(1, 3, 6));
        var targets = Draw.Normal(3, 4, 4).softmax(1);
        var weights = Draw.Normal(4, 4, 2).abs();
        using var loss = new InfoNCELoss(mode: ContrastMode.Symmetric) { Tiling = tiling };
        loss.forward(at, bt, null, PairMap.FromTargets(targets.t().contiguous().t()).WithWeights(weights.select(1, 0)))
            .ShouldEqual(loss.forward(a, bt.contiguous(), null, PairMap.FromTargets(targets).WithWeights(weights.select(1, 0).contiguous())), 1e-14);
        foreach (var variant in Variants)
        {
            using var other = variant.Make(tiling, ContrastMode.Symmetric, MissingPairs.Throw, nn.Reduction.Mean);
            other.forward(at, bt).ShouldEqual(other.forward(a, bt.contiguous()), 1e-14, variant.Name);
        }
    }

    [Fact]
    public void One_hot_targets_unit_weights_and_no_hardness_are_InfoNCE()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 5, 3), Draw.Leaf(2, 5, 3));
        // A negative that a bias takes away is one that weighs nothing: 0 times -infinity must not come in.
        var bias = zeros(5, 5);
        bias[0, 2] = bias[3, 1] = double.NegativeInfinity;
        var biased = PairMap.Diagonal(5).WithLogitBias(bias);
        foreach (var mode in new[] { ContrastMode.OneDirection, ContrastMode.Symmetric })
        {
            foreach (var reduction in Enum.GetValues<nn.Reduction>())
            {
                using var plain = new InfoNCELoss(mode: mode, reduction: reduction) { Tiling = tiling };
                using var hard = new InfoNCELoss(mode: mode, reduction: reduction, hardNegatives: new HardNegatives(0)) { Tiling = tiling };
                Gradients.ShouldAgree(() => plain.forward(a, b, null, PairMap.FromTargets(eye(5))), () => plain.forward(a, b), 1e-12, a, b);
                Gradients.ShouldAgree(() => plain.forward(a, b, null, PairMap.Diagonal(5).WithWeights(ones(5))), () => plain.forward(a, b), 1e-12, a, b);
                Gradients.ShouldAgree(() => hard.forward(a, b), () => plain.forward(a, b), 1e-12, a, b);
                Gradients.ShouldAgree(() => hard.forward(a, b, null, biased), () => plain.forward(a, b, null, biased), 1e-12, a, b);
            }
        }
    }

    /// <summary>SupCon sums positives by class; no other variant may.</summary>
    [Fact]
    public void Labels_are_the_mask_of_equal_labels_for_every_variant()
    {
        using var scope = NewDisposeScope();
        var (labels, others) = (tensor(new long[] { 4, 1, 4, 1, 2, 4, 2 }), tensor(new long[] { 2, 4, 1, 1, 2, 4 }));
        var (a, b) = (Draw.Leaf(1, 7, 3), Draw.Leaf(2, 6, 3));
        var cross = PairMap.FromMask(labels.unsqueeze(1).eq(others));
        var self = PairMap.FromMask(labels.unsqueeze(1).eq(labels)).ExcludeSelf();
        foreach (var variant in Variants.Where(variant => variant.Sigma is null).Prepend(new Variant("standard")))
        {
            foreach (var reduction in Enum.GetValues<nn.Reduction>())
            {
                using var loss = variant.Make(tiling, ContrastMode.OneDirection, MissingPairs.Throw, reduction);
                loss.to(ScalarType.Float64);
                var scale = loss.Temperature.parameters().Single();
                Gradients.ShouldAgree(
                    () => loss.forward(a, b, null, PairMap.FromLabels(labels, others)), () => loss.forward(a, b, null, cross), 1e-11, a, b, scale);
                Gradients.ShouldAgree(() => loss.forward(a, a, null, PairMap.FromLabels(labels)), () => loss.forward(a, a, null, self), 1e-11, a, scale);
            }
        }
    }

    /// <summary>A block of the diagonal is off it, and has rows and columns without a positive.</summary>
    [Fact]
    public void Weighted_positives_of_a_block_are_those_of_the_formula_in_both_directions()
    {
        using var scope = NewDisposeScope();
        var map = PairMap.Diagonal(7).Block(1, 5, 0, 5);
        var (a, b) = (Draw.Leaf(1, 5, 3), Draw.Leaf(2, 5, 3));
        using var loss = new InfoNCELoss(
            Temperature.Fixed(0.4), ContrastMode.Symmetric, missingPairs: MissingPairs.Skip, decoupled: true, misesFisherSigma: 0.7)
        {
            Tiling = tiling,
        };
        Gradients.ShouldAgree(
            () => loss.forward(a, b, null, map),
            () =>
            {
                var c = Reference.Similarities(a, b, 1, SimilarityMeasure.Cosine);
                return (Direction(c, 1) + Direction(c.t(), -1)) / 2;
            },
            1e-11, a, b);
        loss.Evaluate(a, b, null, map).SkippedAnchors.Should().Be(2);

        // Of the cosines; the positive of row i is in column i + offset.
        static Tensor Direction(Tensor c, int offset)
        {
            var rows = Enumerable.Range(0, 5).Where(i => i + offset is >= 0 and < 5).ToArray();
            var positives = stack([.. rows.Select(i => c[i, i + offset])]);
            var shares = (positives / 0.7).exp();
            var weights = 2 - (shares / shares.mean());
            var negatives = stack([.. rows.Select(i => stack([.. Enumerable.Range(0, 5).Where(j => j != i + offset).Select(j => c[i, j] / 0.4)]).logsumexp(0))]);
            return (negatives - (weights * positives / 0.4)).mean();
        }
    }

    [Fact]
    public void Weights_of_nothing_give_0_and_an_anchor_of_weight_0_changes_nothing()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3));
        using var loss = new InfoNCELoss { Tiling = tiling };
        using var sigmoid = new SigmoidContrastiveLoss(Temperature.Fixed(0.1), learnedBias: false) { Tiling = tiling };
        foreach (var each in new ContrastiveLoss[] { loss, sigmoid })
        {
            var nothing = each.forward(a, b, null, PairMap.Diagonal(4).WithWeights(zeros(4)));
            nothing.item<double>().Should().Be(0);
            Gradients.Of(nothing, a)[0].ShouldEqual(zeros_like(a), 0);

            // Repeated rows are weights.
            var rows = tensor(new long[] { 0, 0, 1, 3 });
            var repeated = Each(each).index_select(0, rows).mean();
            each.forward(a, b, null, PairMap.Diagonal(4).WithWeights(tensor(new[] { 2f, 1, 0, 1 }))).ShouldEqual(repeated, 1e-12);
        }

        Tensor Each(ContrastiveLoss of) => of is InfoNCELoss
            ? nn.functional.info_nce(a, b, reduction: nn.Reduction.None)
            : nn.functional.sigmoid_contrastive(a, b, reduction: nn.Reduction.None);
    }

    [Fact]
    public void Weights_of_the_sigmoid_loss()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 6, 3));
        var (w, v) = (Draw.Normal(3, 4).abs(), Draw.Normal(4, 6).abs());
        var positives = Draw.Mask(5, 0.3, 4, 6);
        var map = PairMap.FromMask(positives).WithWeights(w, v);
        foreach (var reduction in new[] { nn.Reduction.Sum, nn.Reduction.Mean })
        {
            using var loss = new SigmoidContrastiveLoss(Temperature.Fixed(0.5), -1, mode: ContrastMode.Symmetric, reduction: reduction) { Tiling = tiling };
            loss.to(ScalarType.Float64);
            var bias = loss.parameters().Single();
            Gradients.ShouldAgree(
                () => loss.forward(a, b, null, map),
                () =>
                {
                    var s = Reference.Similarities(a, b, 0.5, SimilarityMeasure.Cosine) + bias;
                    var terms = -nn.functional.logsigmoid(s.where(positives, -s));
                    var (forward, backward) = ((terms.sum(1L) * w).sum(), (terms.sum(0L, false, null) * v).sum());
                    return reduction == nn.Reduction.Sum ? (forward + backward) / 2 : ((forward / w.sum()) + (backward / v.sum())) / 2;
                },
                1e-10, a, b, bias);
        }
    }

    [Fact]
    public void Blocks_and_transposes_of_a_map_take_their_weights_and_targets_with_them()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Leaf(1, 5, 3), Draw.Leaf(2, 5, 3));
        var map = PairMap.FromTargets(Draw.Normal(3, 5, 5).softmax(1), Draw.Normal(4, 5, 5).softmax(1)).WithWeights(Draw.Normal(5, 5).abs(), Draw.Normal(6, 5).abs());
        using var loss = new InfoNCELoss(reduction: nn.Reduction.Sum) { Tiling = tiling };
        using var symmetric = new InfoNCELoss(mode: ContrastMode.Symmetric, reduction: nn.Reduction.Sum) { Tiling = tiling };
        Gradients.ShouldAgree(
            () => symmetric.forward(a, b, null, map), () => (loss.forward(a, b, null, map) + loss.forward(b, a, null, map.Transpose())) / 2, 1e-12, a, b);
        Gradients.ShouldAgree(
            () => loss.forward(a, b, null, map),
            () => loss.forward(a.narrow(0, 0, 2), b, null, map.Block(0, 2, 0, 5)) + loss.forward(a.narrow(0, 2, 3), b, null, map.Block(2, 3, 0, 5)),
            1e-12, a, b);
    }

    [Fact]
    public void Second_derivatives_are_exact_or_no_numbers()
    {
        foreach (var variant in Variants)
        {
            using var scope = NewDisposeScope();
            var (a, b) = (Draw.Leaf(1, 3, 2), Draw.Leaf(2, 3, 2));
            using var loss = variant.Make(tiling, ContrastMode.Symmetric, MissingPairs.Throw, nn.Reduction.Mean, Temperature.Fixed(0.5));
            if (tiling.DensePairs > 0)
            {
                if (variant.IsDebiased) continue;
                Gradients.ShouldMatchFiniteDifferences(
                    () =>
                    {
                        using var graph = enable_grad();
                        return autograd.grad([loss.forward(a, b)], [a], retain_graph: true, create_graph: true)[0].pow(2).sum();
                    },
                    a, b);
                continue;
            }
            var first = autograd.grad([loss.forward(a, b)], [a], retain_graph: true, create_graph: true)[0];
            foreach (var second in autograd.grad([first.pow(2).sum()], [a, b])) second.isfinite().any().item<bool>().Should().BeFalse(variant.Name);
        }
    }

    [Fact]
    public void A_temperature_learns_from_frozen_features()
    {
        foreach (var variant in Variants)
        {
            using var scope = NewDisposeScope();
            Tensor a, b;
            using (inference_mode()) (a, b) = (Draw.Normal(1, 5, 3), Draw.Normal(2, 5, 3));
            using var loss = variant.Make(tiling, ContrastMode.Symmetric, MissingPairs.Throw, nn.Reduction.Mean);
            loss.to(ScalarType.Float64);
            var scale = loss.Temperature.parameters().Single();
            var expected = Gradients.Of(loss.forward(Draw.Leaf(1, 5, 3), Draw.Leaf(2, 5, 3)), scale)[0];
            Gradients.Of(loss.forward(a, b), scale)[0].ShouldEqual(expected, 1e-12, variant.Name);
            using (no_grad()) loss.forward(a, b).requires_grad.Should().BeFalse();
        }
    }

    [Fact]
    public void Bad_input_is_refused_with_both_values()
    {
        using var scope = NewDisposeScope();
        var a = Draw.Normal(1, 3, 4);
        Refuses(() => new InfoNCELoss(misesFisherSigma: 0.5), "misesFisherSigma is 0.5 but decoupled is false");
        Refuses(() => new InfoNCELoss(decoupled: true, misesFisherSigma: 0), "misesFisherSigma must be positive and finite but is 0");
        Refuses(() => new HardNegatives(-1), "beta must be at least 0 and finite but is -1");
        Refuses(() => new HardNegatives(1, 1), "positivePrior must lie in (0, 1) but is 1");
        Refuses(() => new InfoNCELoss(similarity: SimilarityMeasure.DotProduct, hardNegatives: new HardNegatives(1, 0.1)), "hardNegatives have the prior 0.1 but similarity is DotProduct: only of cosines the least similarity is known, which the debiased sum is kept above");
        Refuses(() => new InfoNCELoss(labelSmoothing: 1), "labelSmoothing must lie in (0, 1) but is 1");
        Refuses(() => new InfoNCELoss(labelSmoothing: 0.1, decoupled: true), "labelSmoothing is 0.1, but decoupled is true");
        Refuses(() => new InfoNCELoss(labelSmoothing: 0.1, hardNegatives: new HardNegatives()), "labelSmoothing is 0.1, but there are hardNegatives");
        Refuses(() => new InfoNCELoss(labelSmoothing: 0.1, positiveSum: PositiveSum.InsideLog), "labelSmoothing is 0.1, but positiveSum is InsideLog");
        FluentActions.Invoking(() => new InfoNCELoss(labelSmoothing: 0.1).EvaluateNegatives(a, a, a))
            .Should().Throw<InvalidOperationException>().WithMessage("labelSmoothing is 0.1*");
        FluentActions.Invoking(() => nn.functional.info_nce(a, a, a, labelSmoothing: 0.1)).Should().Throw<InvalidOperationException>();

        var soft = PairMap.FromTargets(Draw.Normal(2, 3, 3).softmax(1));
        Refuses(() => nn.functional.info_nce(a, a, pairs: soft, decoupled: true), "the pair map has target probabilities, but decoupled is true");
        Refuses(() => nn.functional.info_nce(a, a, pairs: soft, hardNegatives: new HardNegatives()), "the pair map has target probabilities, but there are hardNegatives");
        Refuses(() => nn.functional.info_nce(a, a, pairs: soft, positiveSum: PositiveSum.InsideLog), "the pair map has target probabilities, but positiveSum is InsideLog");
        Refuses(() => nn.functional.info_nce(a, a, a, pairs: soft), "must be made with PairMap.Negatives");
        Refuses(() => nn.functional.sigmoid_contrastive(a, a, pairs: soft), "target probabilities, which only the InfoNCE loss takes");
        using var fisher = new InfoNCELoss(decoupled: true, misesFisherSigma: 0.5) { Tiling = tiling };
        Refuses(() => fisher.forward(a, a, null, PairMap.FromMask(ones(3, 3, dtype: ScalarType.Bool))), "weighs the one positive of each anchor, but the pair map may have several: it takes PairMap.Diagonal or TwoViews");

        Refuses(() => PairMap.FromTargets(ones(3)), "targets must have the shape (N, M) but have (3)");
        Refuses(() => PairMap.FromTargets(ones(0, 3)), "targets have no rows or no columns: (0, 3)");
        Refuses(() => PairMap.FromTargets(ones(3, 3, dtype: ScalarType.Int64)), "targets must be float16");
        Refuses(() => PairMap.FromTargets(ones(2, 3)), "rows add up to 1 but row 0 adds up to 3");
        Refuses(() => PairMap.FromTargets(tensor(new[,] { { 1f, 0 }, { 1.5f, -0.5f } })), "row 1 adds up to 1 and its least is -0.5");
        Refuses(() => PairMap.FromTargets(full(2, 2, double.NaN)), "row 0 adds up to NaN");
        Refuses(() => PairMap.FromTargets(eye(2), eye(3)), "candidateTargets must have the shape (2, 2) but have (3, 3)");
        Refuses(() => PairMap.Diagonal(3).WithWeights(ones(2)), "anchorWeights must have the shape (3) but have (2)");
        Refuses(() => PairMap.Diagonal(3).WithWeights(ones(3), ones(3, 1)), "candidateWeights must have the shape (3) but have (3, 1)");
        Refuses(() => PairMap.Diagonal(2).WithWeights(tensor(new[] { 1f, -1 })), "anchorWeights must be finite and at least 0 but are -1 in row 1");
        Refuses(() => PairMap.Diagonal(2).WithWeights(tensor(new[] { 1f, float.PositiveInfinity })), "in row 1");
        Refuses(() => PairMap.Diagonal(2).WithWeights(arange(2)), "anchorWeights must be float16");
        FluentActions.Invoking(() => PairMap.Diagonal(3).Block(1, 2, 0, 3).WithWeights(ones(2))).Should().Throw<InvalidOperationException>();
        FluentActions.Invoking(() => PairMap.FromTargets(null!)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => PairMap.Diagonal(2).WithWeights(null!)).Should().Throw<ArgumentNullException>();

        using var symmetric = new InfoNCELoss(mode: ContrastMode.Symmetric) { Tiling = tiling };
        var wide = PairMap.FromMask(ones(3, 5, dtype: ScalarType.Bool)).WithWeights(ones(3));
        Refuses(() => symmetric.forward(a, Draw.Normal(2, 5, 4), null, wide), "give candidateWeights to PairMap.WithWeights");
        using var gamma = new GammaContrastiveLoss(new BatchPartition()) { Tiling = tiling };
        var weighted = PairMap.Diagonal(3).WithWeights(ones(3));
        Refuses(() => gamma.forward(a, a, null, weighted), "the pair map has weights of anchors");
        Refuses(() => gamma.SumPartition(a, a, weighted), "the pair map has weights of anchors");
        Refuses(() => gamma.forward(a, a, null, soft), "the pair map has target probabilities");
    }

    [Fact]
    public void Steps_leave_no_tensor_behind()
    {
        using var a = Draw.Leaf(1, 4, 3);
        using var b = Draw.Leaf(2, 4, 3);
        using var targets = full(4, 4, 0.25f);
        using var weights = ones(4);
        foreach (var variant in Variants)
        {
            foreach (var mode in Enum.GetValues<ContrastMode>())
            {
                using var loss = variant.Make(tiling, mode, MissingPairs.Throw, nn.Reduction.Mean);
                TensorCount.ShouldStay(() =>
                {
                    using var value = loss.forward(a, b);
                    value.backward();
                });
            }
        }
        using var plain = new InfoNCELoss(mode: ContrastMode.Symmetric) { Tiling = tiling };
        using var fisher = new InfoNCELoss(decoupled: true, misesFisherSigma: 1) { Tiling = tiling };
        TensorCount.ShouldStay(() =>
        {
            using var value = plain.forward(a, b, null, PairMap.FromTargets(targets).WithWeights(weights));
            value.backward();
            using var negatives = fisher.EvaluateNegatives(a, b, b);
            negatives.Loss.backward();
        });
    }

    [Fact]
    public void Settings_add_nothing_to_the_state()
    {
        foreach (var variant in Variants)
        {
            using var loss = variant.Make(tiling, ContrastMode.Symmetric, MissingPairs.Throw, nn.Reduction.Mean);
            loss.state_dict().Keys.Should().BeEquivalentTo(["temperature.log_scale"]);
        }
    }

    private sealed record Variant(string Name, bool Decoupled = false, double? Sigma = null, HardNegatives? Hard = null, double Smoothing = 0)
    {
        public bool IsDebiased => Hard is { PositivePrior: > 0 };

        public InfoNCELoss Make(Tiling tiling, ContrastMode mode, MissingPairs missing, nn.Reduction reduction, Temperature? temperature = null)
            => new(temperature ?? Temperature.Learned(0.5), mode, SimilarityMeasure.Cosine, PositiveSum.OutsideLog, missing, reduction, Decoupled, Sigma, Hard, Smoothing)
            {
                Tiling = tiling,
            };
    }

    private static IEnumerable<Variant> Variants { get; } =
    [
        new("decoupled", Decoupled: true),
        new("weighted positives", Decoupled: true, Sigma: 0.5),
        new("hard negatives", Hard: new HardNegatives(1)),
        new("debiased", Hard: new HardNegatives(0.5, 0.1)),
        new("debiased and decoupled, weighted", Decoupled: true, Sigma: 0.5, Hard: new HardNegatives(2, 0.05)),
        new("label smoothing", Smoothing: 0.1),
    ];
}

public class InfoNCEVariantEdgeTestsOfTheWhole() : InfoNCEVariantEdgeTests(AnyTiling.Whole);

public class InfoNCEVariantEdgeTestsInTiles() : InfoNCEVariantEdgeTests(AnyTiling.Tiles(2, 3));

public class InfoNCEVariantEdgeTestsInTilesThatAreNotKept() : InfoNCEVariantEdgeTests(AnyTiling.Tiles(3, 2, budget: 0));
