using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.Common;

public sealed class PairFiguresTests
{
    [Fact]
    public void Figures_match_the_hand_computed_case()
    {
        // Three orthogonal items, the same on both sides. Items 0 and 1 share a class: each finds itself, and the other one
        // tied with item 2, before it (precision 1) or behind (2/3), so their average precision is (1 + 5/6) / 2; item 2's is 1.
        using var features = eye(3);
        using var labels = tensor(new long[] { 0, 0, 1 });

        var held = PairFigures.Measure(features, features, labels);

        held.RecallAt1.Should().Be(1);
        held.LeftToRight.Mrr.Should().Be(1);
        held.RightToLeft.Map.Should().BeApproximately(17 / 18.0, 1e-6);
        held.ModalityGap.Should().BeApproximately(0, 1e-6);
        held.Alignment.Should().BeApproximately(0, 1e-6);
        held.Uniformity.Should().BeApproximately(-4, 1e-5);
        PairFigures.Measure(features, features, labels: null).LeftToRight.Map.Should().BeNull();
    }

    [Fact]
    public void Directions_are_kept_apart()
    {
        // Left 0 and 1 both look like right 0; right 0 prefers left 0, right 1 is at a right angle to all of the left.
        using var left = tensor(new float[,] { { 1, 0, 0 }, { 1, 0.1f, 0 } });
        using var right = tensor(new float[,] { { 1, 0, 0 }, { 0, 0, 1 } });

        var held = PairFigures.Measure(left, right, labels: null);

        held.LeftToRight.RecallAt1.Should().Be(0.5);
        held.LeftToRight.Mrr.Should().Be(0.75);
        held.RightToLeft.RecallAt1.Should().BeApproximately(0.75, 1e-9, "a tie of two counts half");
        held.RecallAt1.Should().BeApproximately(0.625, 1e-9);
    }
}
