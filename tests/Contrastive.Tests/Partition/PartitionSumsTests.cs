using static TorchSharp.torch;

namespace Contrastive.Tests.Partition;

/// <summary>Sums with a reference and without one are the same sums.</summary>
public class PartitionSumsTests
{
    private static readonly double[] Positives = [0.25, 7], Negatives = [1.5, -3], Logits = [0.25, 12], References = [1024, -512];

    [Fact]
    public void Each_sum_is_absolute_and_made_once()
    {
        using var scope = NewDisposeScope();
        foreach (var referenced in new[] { false, true })
        {
            var sums = Create(referenced);
            var by = References.Select(r => referenced ? r : 0).ToArray();
            sums.LogPositives.ShouldEqual(tensor(Positives.Zip(by, (x, r) => x + r).ToArray()), 1e-14);
            sums.LogNegatives.ShouldEqual(tensor(Negatives.Zip(by, (x, r) => x + r).ToArray()), 1e-14);
            // The reference stands once in every positive: the anchors have 1 and 2.
            sums.PositiveLogits.ShouldEqual(tensor(new[] { Logits[0] + by[0], Logits[1] + (2 * by[1]) }), 1e-14);
            sums.LogPositives.Should().BeSameAs(sums.LogPositives);
            sums.LogNegatives.Should().BeSameAs(sums.LogNegatives);
            sums.PositiveLogits.Should().BeSameAs(sums.PositiveLogits);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(50L)]
    public void The_estimate_over_the_population_follows_its_formula(long? population)
    {
        using var scope = NewDisposeScope();
        foreach (var referenced in new[] { false, true })
        {
            // Of 1 and 2 positives, and 3 and 5 negatives.
            double[] scale = population is { } n ? [Math.Log((n - 1) / 3.0), Math.Log((n - 2) / 5.0)] : [0, 0];
            var expected = Enumerable.Range(0, 2)
                .Select(i => Reference.LogAdd(Positives[i], Negatives[i] + scale[i]) + (referenced ? References[i] : 0)).ToArray();
            Create(referenced).LogEstimate(population).ShouldEqual(tensor(expected), 1e-14);
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Merged_sums_have_the_larger_reference_and_none_where_neither_has_one(bool left, bool right)
    {
        using var scope = NewDisposeScope();
        var merged = Create(left).Merge(Create(right, -1));
        if (!left && !right) merged.Relative.Reference.Should().BeNull();
        else
            merged.Relative.Reference!.ShouldEqual(
                tensor(References.Select(r => Math.Max(left ? r : 0, right ? -r : 0)).ToArray()), 0, "its digits are those of the larger sums");
        for (var i = 0; i < 2; i++)
        {
            var (ofLeft, ofRight) = (left ? References[i] : 0, right ? -References[i] : 0);
            merged.LogPositives[i].item<double>().Should().BeApproximately(Reference.LogAdd(Positives[i] + ofLeft, Positives[i] + ofRight), 1e-12);
            merged.LogNegatives[i].item<double>().Should().BeApproximately(Reference.LogAdd(Negatives[i] + ofLeft, Negatives[i] + ofRight), 1e-12);
            merged.PositiveLogits[i].item<double>().Should().BeApproximately((2 * Logits[i]) + ((i + 1) * (ofLeft + ofRight)), 1e-12);
        }
        merged.IsSinglePositive.Should().BeFalse("an anchor with one positive in each of two blocks has two");
    }

    [Fact]
    public void A_bias_of_either_block_is_one_of_both()
    {
        using var scope = NewDisposeScope();
        foreach (var (left, right) in new[] { (false, false), (true, false), (false, true), (true, true) })
            Create(hasBias: left).Merge(Create(hasBias: right)).HasLogitBias.Should().Be(left || right);
    }

    [Fact]
    public void Chosen_rows_keep_their_sums()
    {
        using var scope = NewDisposeScope();
        foreach (var referenced in new[] { false, true })
        {
            var (all, second) = (Create(referenced), Create(referenced).Select(tensor(new long[] { 1 })));
            second.LogPositives.ShouldEqual(all.LogPositives[1].unsqueeze(0), 0);
            second.LogNegatives.ShouldEqual(all.LogNegatives[1].unsqueeze(0), 0);
            second.PositiveLogits.ShouldEqual(all.PositiveLogits[1].unsqueeze(0), 0);
        }
    }

    internal static PartitionSums Create(bool referenced = false, int sign = 1, bool hasBias = false)
    {
        var counts = new PairCounts(tensor(new[] { 1.0, 2 }), tensor(new[] { 3.0, 5 }), tensor(new[] { 1.0, 2 }));
        var reference = referenced ? tensor(References.Select(r => sign * r).ToArray()) : null;
        return new PartitionSums(
            new PairSums(tensor(Positives), tensor(Negatives), tensor(Logits), reference, isSinglePositive: true, () => counts), hasBias);
    }
}
