using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Tests.Losses;

/// <summary>The losses users compare with, written as they are published, with torch operations: equal values and gradients.</summary>
public class PublishedFormulasTests
{
    private const double Tolerance = 1e-12;

    [Theory]
    [InlineData(2, 3, 0.07)]
    [InlineData(5, 4, 0.01)]
    [InlineData(16, 8, 1.0)]
    public void Open_clip_two_cross_entropies_of_scaled_logits(int n, int width, double tau)
    {
        using var scope = NewDisposeScope();
        var (images, texts) = (Draw.Leaf(n, n, width), Draw.Leaf(n + 1, n, width));
        using var loss = new InfoNCELoss(Temperature.Fixed(tau), ContrastMode.Symmetric);
        Gradients.ShouldAgree(
            () => loss.forward(images, texts),
            () =>
            {
                var logits = F.normalize(images, dim: 1).matmul(F.normalize(texts, dim: 1).t()) * (1 / tau);
                var targets = arange(n, dtype: ScalarType.Int64);
                return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.t(), targets)) / 2;
            },
            Tolerance, images, texts);
    }

    [Fact]
    public void Info_nce_pytorch_in_batch_unpaired_and_paired_negatives()
    {
        using var scope = NewDisposeScope();
        const int n = 5, m = 7, width = 4;
        var (query, positive) = (Draw.Leaf(1, n, width), Draw.Leaf(2, n, width));
        var (unpaired, paired) = (Draw.Leaf(3, m, width), Draw.Leaf(4, n, m, width));
        Tensor Unit(Tensor x) => F.normalize(x, dim: -1);
        var zero = zeros(n, dtype: ScalarType.Int64);

        Gradients.ShouldAgree(
            () => F.info_nce(query, positive),
            () => F.cross_entropy(Unit(query).matmul(Unit(positive).t()) / 0.1, arange(n, dtype: ScalarType.Int64)),
            Tolerance, query, positive);
        Gradients.ShouldAgree(
            () => F.info_nce(query, positive, unpaired),
            () => F.cross_entropy(cat([PositiveLogit(), Unit(query).matmul(Unit(unpaired).t())], 1) / 0.1, zero),
            Tolerance, query, positive, unpaired);
        Gradients.ShouldAgree(
            () => F.info_nce(query, positive, paired),
            () => F.cross_entropy(
                cat([PositiveLogit(), Unit(query).unsqueeze(1).matmul(Unit(paired).transpose(-2, -1)).squeeze(1)], 1) / 0.1, zero),
            Tolerance, query, positive, paired);

        Tensor PositiveLogit() => (Unit(query) * Unit(positive)).sum(dim: 1, keepdim: true);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(6)]
    public void NT_Xent_of_two_views(int n)
    {
        using var scope = NewDisposeScope();
        var (first, second) = (Draw.Leaf(1, n, 3), Draw.Leaf(2, n, 3));
        using var loss = new InfoNCELoss(Temperature.Fixed(0.5), ContrastMode.TwoViews);
        Gradients.ShouldAgree(
            () => loss.forward(first, second),
            () =>
            {
                var z = F.normalize(cat([first, second]), dim: 1);
                var logits = z.matmul(z.t()) / 0.5;
                logits = logits.masked_fill(eye(2 * n, dtype: ScalarType.Bool), double.NegativeInfinity);
                return F.cross_entropy(logits, cat([arange(n, 2 * n), arange(0, n)]).to(ScalarType.Int64));
            },
            Tolerance, first, second);
    }

    [Theory]
    [InlineData(PositiveSum.OutsideLog)]
    [InlineData(PositiveSum.InsideLog)]
    public void SupCon_over_two_views_with_labels(PositiveSum sum)
    {
        using var scope = NewDisposeScope();
        var z = Draw.Leaf(1, 8, 3);
        var labels = tensor(new long[] { 0, 1, 2, 1, 0, 1, 2, 1 });
        Gradients.ShouldAgree(
            () => F.info_nce(z, z, pairs: PairMap.FromLabels(labels), temperature: 0.3, positiveSum: sum),
            () =>
            {
                var unit = F.normalize(z, dim: 1);
                var logits = unit.matmul(unit.t()) / 0.3;
                var others = 1 - eye(8, dtype: ScalarType.Float64);
                var positives = labels.unsqueeze(1).eq(labels.unsqueeze(0)).to(ScalarType.Float64) * others;
                var exponentials = logits.exp() * others;
                var probability = logits.exp() / exponentials.sum(dim: 1, keepdim: true);
                return sum == PositiveSum.OutsideLog
                    ? -((probability.log() * positives).sum(dim: 1) / positives.sum(dim: 1)).mean()
                    : -((probability * positives).sum(dim: 1) / positives.sum(dim: 1)).log().mean();
            },
            Tolerance, z);
    }

    [Fact]
    public void MoCo_a_queue_of_negatives_with_the_own_sample_left_out()
    {
        using var scope = NewDisposeScope();
        var (query, key, queue) = (Draw.Leaf(1, 3, 4), Draw.Normal(2, 3, 4), Draw.Normal(3, 6, 4));
        var (ids, queueIds) = (tensor(new long[] { 10, 11, 12 }), tensor(new long[] { 7, 11, 3, 10, 4, 5 }));
        var map = PairMap.Negatives(3, 6).WithSampleIds(ids, queueIds);
        Gradients.ShouldAgree(
            () => F.info_nce(query, key, queue, pairs: map),
            () =>
            {
                var q = F.normalize(query, dim: 1);
                var positive = (q * F.normalize(key, dim: 1)).sum(dim: 1, keepdim: true);
                var negative = q.matmul(F.normalize(queue, dim: 1).t())
                    .masked_fill(ids.unsqueeze(1).eq(queueIds.unsqueeze(0)), double.NegativeInfinity);
                return F.cross_entropy(cat([positive, negative], 1) / 0.1, zeros(3, dtype: ScalarType.Int64));
            },
            Tolerance, query);
    }

    [Fact]
    public void Sampled_softmax_with_the_log_frequency_correction()
    {
        using var scope = NewDisposeScope();
        var (users, items) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3));
        var logFrequency = Draw.Normal(3, 4);
        var map = PairMap.Diagonal(4).WithLogitBias(-logFrequency);
        Gradients.ShouldAgree(
            () => F.info_nce(users, items, pairs: map, temperature: 1, similarity: SimilarityMeasure.DotProduct),
            () => F.cross_entropy(users.matmul(items.t()) - logFrequency, arange(4, dtype: ScalarType.Int64)),
            Tolerance, users, items);
    }

    // Three pairs of unit rows, τ = 0.5. The figures below were computed from the published formulas in plain Python.
    private static readonly double[,] X = { { 0.6, 0.8 }, { 1.0, 0.0 }, { 0.0, -1.0 } };
    private static readonly double[,] Y = { { 0.8, 0.6 }, { 0.0, 1.0 }, { 0.6, -0.8 } };

    /// <summary>
    /// DCL and DCL-W (Yeh et al. 2022, equations 5 and 6, and raminnakhli/Decoupled-Contrastive-Learning's loss/dcl.py): the mean of both
    /// views' losses, negatives of both views, w = 2 - N softmax(⟨z1, z2⟩ / 0.5).
    /// </summary>
    [Fact]
    public void Decoupled_over_two_views_by_hand()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (tensor(X), tensor(Y));
        Value(F.info_nce(x, y, temperature: 0.5, mode: ContrastMode.TwoViews, decoupled: true)).Should().BeApproximately(0.7048692381293629, 1e-12);
        Value(F.info_nce(x, y, temperature: 0.5, mode: ContrastMode.TwoViews, decoupled: true, misesFisherSigma: 0.5))
            .Should().BeApproximately(1.17715255780782, 1e-12);
    }

    /// <summary>Robinson et al. 2021, joshr17/HCL's criterion (image/main.py): β and τ⁺.</summary>
    [Theory]
    [InlineData(1, 0.1, 1.5386972077857068)]
    [InlineData(1, 0, 1.5932799234135342)]
    [InlineData(0, 0.1, 1.180373483610021)]
    [InlineData(2, 0, 1.6872556169577253)]
    public void Hard_negatives_over_two_views_by_hand(double beta, double prior, double expected)
    {
        using var scope = NewDisposeScope();
        Value(F.info_nce(tensor(X), tensor(Y), temperature: 0.5, mode: ContrastMode.TwoViews, hardNegatives: new HardNegatives(beta, prior)))
            .Should().BeApproximately(expected, 1e-12);
    }

    /// <summary>The criterion written with torch operations, gradients through the weights as there.</summary>
    [Fact]
    public void Hard_negatives_have_the_gradients_of_the_authors_code()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (Draw.Leaf(1, 4, 3), Draw.Leaf(2, 4, 3));
        foreach (var tiling in new[] { AnyTiling.Whole, AnyTiling.Tiles(2, 3) })
        {
            using var loss = new InfoNCELoss(Temperature.Fixed(0.5), ContrastMode.TwoViews, hardNegatives: new HardNegatives(1, 0.1)) { Tiling = tiling };
            Gradients.ShouldAgree(
                () => loss.forward(first, second),
                () =>
                {
                    var z = F.normalize(cat([first, second]), dim: 1);
                    var others = eye(4, dtype: ScalarType.Float64).repeat(2, 2).eq(0);
                    var neg = (z.matmul(z.t()) / 0.5).exp().masked_select(others).view(8, 6);
                    var half = (F.normalize(first, dim: 1) * F.normalize(second, dim: 1)).sum(1L);
                    var pos = (cat([half, half]) / 0.5).exp();
                    var imp = neg.log().exp();
                    var reweighted = (imp * neg).sum(-1L) / imp.mean([-1L]);
                    var ng = ((-0.1 * 6 * pos) + reweighted) / (1 - 0.1);
                    ng = ng.clamp_min(6 * Math.Exp(-1 / 0.5));
                    return -(pos / (pos + ng)).log().mean();
                },
                1e-10, first, second);
        }
    }

    /// <summary>
    /// Targets 0.4 softmax of a momentum model's similarities + 0.6 one-hot, of each direction its own (Li et al. 2021, equation 6, but between
    /// the online features; ALBEF itself has momentum features as candidates, see PeerTests).
    /// </summary>
    [Fact]
    public void Momentum_distillation_by_hand()
    {
        using var scope = NewDisposeScope();
        var (imagesOfMomentum, textsOfMomentum) = (
            F.normalize(tensor(new[,] { { 0.7, 0.7 }, { 0.9, 0.1 }, { 0.1, -0.9 } }), dim: 1),
            F.normalize(tensor(new[,] { { 0.9, 0.5 }, { 0.1, 1.0 }, { 0.4, -0.9 } }), dim: 1));
        var logits = imagesOfMomentum.matmul(textsOfMomentum.t()) / 0.5;
        var map = PairMap.FromTargets(Targets(logits), Targets(logits.t()));
        Value(F.info_nce(tensor(X), tensor(Y), pairs: map, temperature: 0.5, mode: ContrastMode.Symmetric)).Should().BeApproximately(0.877819778845512, 1e-12);

        static Tensor Targets(Tensor s) => (0.4 * s.softmax(1)) + (0.6 * eye(3, dtype: ScalarType.Float64));
    }

    /// <summary>torch's cross_entropy with label_smoothing = 0.1: (1 - ε) one-hot + ε / 3.</summary>
    [Fact]
    public void Label_smoothing_by_hand()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (tensor(X), tensor(Y));
        Value(F.info_nce(x, y, temperature: 0.5, labelSmoothing: 0.1)).Should().BeApproximately(1.0393959386079052, 1e-12);
        Value(F.info_nce(x, y, temperature: 0.5, labelSmoothing: 0.1, mode: ContrastMode.Symmetric)).Should().BeApproximately(1.0481389139652917, 1e-12);
    }

    /// <summary>Losses 0.5933, 2.2271 and 0.0845 with the weights 1, 2 and 1/2: the weighted mean, as torch's cross_entropy takes it.</summary>
    [Fact]
    public void Weights_of_anchors_by_hand()
    {
        using var scope = NewDisposeScope();
        var (x, y, w) = (tensor(X), tensor(Y), tensor(new[] { 1, 2, 0.5 }));
        var map = PairMap.Diagonal(3).WithWeights(w);
        Value(F.info_nce(x, y, pairs: map, temperature: 0.5)).Should().BeApproximately(1.454212996348754, 1e-12);
        F.info_nce(x, y, pairs: map, temperature: 0.5, reduction: nn.Reduction.None)
            .ShouldEqual(tensor(new[] { 0.5932673201171346, 2 * 2.22712305727792, 0.5 * 0.08446410509532809 }), 1e-12);
    }

    private static double Value(Tensor loss) => loss.item<double>();
}
