using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Tests.Losses;

/// <summary>
/// SogCLR as LibAUC has it (Yuan et al., "Provable Stochastic Optimization for Global Contrastive Learning", ICML 2022) at samples'
/// first visits: its gradient is the decomposable loss's with the posterior mean, times a constant. It leaves the positive out of
/// the denominator, which in a population of N matters to the order of 1/N.
/// </summary>
public class SogClrTests
{
    private const int Count = 6;
    private const double Tau = 0.2;
    private const long Population = 1_000_000_000;
    private const double Tolerance = 1e-7;

    [Fact]
    public void Bimodal_is_batch_minus_one_times_the_temperature_times_the_decomposable_loss()
    {
        using var scope = NewDisposeScope();
        var (images, texts) = (Draw.Leaf(1, Count, 4), Draw.Leaf(2, Count, 4));
        using var loss = new GammaContrastiveLoss(
            new PartitionTable(Count, population: Population, dtype: ScalarType.Float64), Temperature.Fixed(Tau), ContrastMode.Symmetric);

        var ours = Gradients.Of(loss.forward(images, texts, arange(Count)) * (Count - 1) * Tau, images, texts);
        var theirs = Gradients.Of((Direction(images, texts) + Direction(texts, images)) / 2, images, texts);

        for (var i = 0; i < 2; i++) ours[i].ShouldEqual(theirs[i], Tolerance);

        static Tensor Direction(Tensor anchors, Tensor candidates)
        {
            var cosines = F.normalize(anchors, dim: 1).matmul(F.normalize(candidates, dim: 1).t());
            var h = cosines - cosines.diagonal().unsqueeze(1);
            var negatives = (h.detach() / Tau).exp() * (1 - eye(Count, dtype: ScalarType.Float64));
            var mean = negatives.sum(dim: 1, keepdim: true) / (Count - 1);
            return (negatives / mean * h).sum(dim: 1).mean();
        }
    }

    [Fact]
    public void Unimodal_is_twice_the_temperature_times_the_decomposable_loss()
    {
        using var scope = NewDisposeScope();
        var views = Draw.Leaf(3, 2 * Count, 4);
        // Their step has an estimate for each view; only what is stored is the average of both.
        using var loss = new GammaContrastiveLoss(
            new PartitionTable(2 * Count, population: Population, dtype: ScalarType.Float64), Temperature.Fixed(Tau));

        var ours = Gradients.Of(loss.forward(views, views, arange(2 * Count), PairMap.TwoViews(Count)) * 2 * Tau, views);
        var cosines = F.normalize(views, dim: 1).matmul(F.normalize(views, dim: 1).t());
        var other = eye(2 * Count, dtype: ScalarType.Float64).roll(Count, 0);
        var negatives = (cosines.detach() / Tau).exp() * (1 - other - eye(2 * Count, dtype: ScalarType.Float64));
        var mean = negatives.sum(dim: 1, keepdim: true) / (2 * (Count - 1));
        var perView = (negatives / mean * cosines).sum(dim: 1) / (2 * (Count - 1)) - (other * cosines).sum(dim: 1);
        var theirs = Gradients.Of(perView[..Count].mean() + perView[Count..].mean(), views);

        ours[0].ShouldEqual(theirs[0], Tolerance);
    }
}
