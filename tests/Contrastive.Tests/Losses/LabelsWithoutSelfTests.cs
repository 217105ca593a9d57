using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>Labels of two sets without the diagonal: an anchor has a positive less only where row i of the candidates is one of its own.</summary>
public class LabelsWithoutSelfTests
{
    private static readonly Tiling[] Tilings = [Tiling.Default, AnyTiling.Whole, AnyTiling.Tiles(2, 3), AnyTiling.Tiles(4, 2, budget: 0)];

    // Of (i, i) the first and the last are positives, the others are negatives.
    private static readonly long[] Mixed = [0, 2, 1, 1, 0, 2];

    // None of (i, i) is a positive, and each anchor has one elsewhere.
    private static readonly long[] Swapped = [1, 0, 3, 2, 5, 4];

    public static TheoryData<ContrastMode, bool> Settings { get; } = new()
    {
        { ContrastMode.OneDirection, false },
        { ContrastMode.OneDirection, true },
        { ContrastMode.Symmetric, false },
        { ContrastMode.Symmetric, true },
        { ContrastMode.TwoViews, false },
        { ContrastMode.TwoViews, true },
    };

    [Theory]
    [MemberData(nameof(Settings))]
    public void They_are_the_pairs_of_a_mask(ContrastMode mode, bool swapped)
    {
        using var scope = NewDisposeScope();
        var (labels, mask) = Maps(swapped);
        var rows = mode == ContrastMode.TwoViews ? 3 : 6;
        var (a, b) = (Draw.Leaf(1, rows, 4), Draw.Leaf(2, rows, 4));
        foreach (var tiling in Tilings)
        {
            foreach (var sum in Enum.GetValues<PositiveSum>())
            {
                foreach (var reduction in Enum.GetValues<nn.Reduction>())
                {
                    using var loss = new InfoNCELoss(Temperature.Fixed(0.3), mode, positiveSum: sum, reduction: reduction) { Tiling = tiling };
                    Gradients.ShouldAgree(() => loss.forward(a, b, null, labels), () => loss.forward(a, b, null, mask), 1e-11, a, b);
                    var (constantA, constantB) = (a.detach(), b.detach());
                    Gradients.ShouldAgree(() => loss.forward(a, constantB, null, labels), () => loss.forward(a, constantB, null, mask), 1e-11, a);
                    Gradients.ShouldAgree(() => loss.forward(constantA, b, null, labels), () => loss.forward(constantA, b, null, mask), 1e-11, b);
                    loss.forward(constantA, constantB, null, labels).ShouldEqual(loss.forward(constantA, constantB, null, mask), 1e-11);
                }
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_loss_is_the_formulas(bool swapped)
    {
        using var scope = NewDisposeScope();
        var labels = Maps(swapped).Labels;
        var (a, b) = (Draw.Leaf(1, 6, 4), Draw.Leaf(2, 6, 4));
        foreach (var tiling in Tilings)
        {
            using var loss = new InfoNCELoss(Temperature.Fixed(0.3), reduction: nn.Reduction.None) { Tiling = tiling };
            Gradients.ShouldAgree(() => loss.forward(a, b, null, labels), Expected, 1e-11, a, b);
        }

        Tensor Expected()
        {
            var s = Reference.Similarities(a, b, 0.3, SimilarityMeasure.Cosine);
            var (positives, others) = Masks(swapped);
            return Reference.LogSum(s, others) - (s.masked_fill(positives.logical_not(), 0).sum(1L) / positives.to(ScalarType.Float64).sum(1L));
        }
    }

    [Fact]
    public void Equal_labels_of_two_sets_are_those_of_one()
    {
        using var scope = NewDisposeScope();
        var (z, labels) = (Draw.Leaf(1, 6, 4), tensor(Mixed));
        var (one, two) = (PairMap.FromLabels(labels), PairMap.FromLabels(labels, labels.clone()).ExcludeSelf());
        foreach (var tiling in Tilings)
        {
            using var loss = new InfoNCELoss(Temperature.Fixed(0.3)) { Tiling = tiling };
            Gradients.ShouldAgree(() => loss.forward(z, z, null, two), () => loss.forward(z, z, null, one), 1e-11, z);
        }
    }

    private static (PairMap Labels, PairMap Mask) Maps(bool swapped)
    {
        var (anchors, candidates) = Labels(swapped);
        return (
            PairMap.FromLabels(anchors, candidates).ExcludeSelf(),
            PairMap.FromMask(anchors.unsqueeze(1).eq(candidates.unsqueeze(0))).ExcludeSelf());
    }

    private static (Tensor Positives, Tensor Others) Masks(bool swapped)
    {
        var (anchors, candidates) = Labels(swapped);
        var others = eye(6, dtype: ScalarType.Bool).logical_not();
        return (anchors.unsqueeze(1).eq(candidates.unsqueeze(0)).logical_and(others), others);
    }

    private static (Tensor Anchors, Tensor Candidates) Labels(bool swapped)
        => swapped ? (arange(6, dtype: ScalarType.Int64), tensor(Swapped)) : (tensor(new long[] { 0, 1, 2, 0, 1, 2 }), tensor(Mixed));
}
