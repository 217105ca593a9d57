using static TorchSharp.torch;

namespace Contrastive.Tests.Engine;

/// <summary>What is done to the sums of each anchor on their way from the matrix to the loss.</summary>
public class PairSumsTests
{
    private static readonly double Nothing = double.NegativeInfinity;

    private static Tensor Values(params double[] values) => tensor(values, dtype: ScalarType.Float64);

    private static PairSums Sums(Tensor positives, Tensor negatives, Tensor logits, Tensor? reference = null)
    {
        var one = ones_like(positives.detach());
        return new PairSums(positives, negatives, logits, reference, isSinglePositive: false, () => new PairCounts(one, one.add(one), one));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Detached_none_has_a_graph_whichever_had_one(int which)
    {
        using var scope = NewDisposeScope();
        Tensor[] parts = [Values(1, 2), Values(3, 4), Values(5, 6)];
        var plain = Sums(parts[0], parts[1], parts[2]);
        plain.Detach().Should().BeSameAs(plain);

        parts[which].requires_grad_();
        var detached = Sums(parts[0], parts[1], parts[2], Values(7, 8)).Detach();
        Tensor[] found = [detached.LogPositives, detached.LogNegatives, detached.PositiveLogits];
        foreach (var (i, part) in found.Index())
        {
            part.requires_grad.Should().BeFalse();
            part.ShouldEqual(parts[i].detach(), 0);
        }
        detached.Reference!.ShouldEqual(Values(7, 8), 0);
    }

    /// <summary>An anchor may have no negative in the batch, none in the memory, or in neither.</summary>
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void Negatives_of_two_matrices_are_one_sum_with_no_gradient_where_there_are_none(bool graph, bool otherGraph)
    {
        using var scope = NewDisposeScope();
        Tensor negatives = Values(0.5, Nothing, 2, Nothing), others = Values(1.5, 3, Nothing, Nothing);
        negatives.requires_grad = graph;
        others.requires_grad = otherGraph;
        var reference = Values(1, 10, 100, 1000);
        var both = Sums(Values(0, 0, 0, 0), negatives, Values(0, 0, 0, 0), reference).WithNegatives(Sums(Values(0, 0, 0, 0), others.add(reference), Values(0, 0, 0, 0)));

        double first = Math.Log(Math.Exp(0.5) + Math.Exp(1.5));
        both.LogNegatives.detach().exp().ShouldEqual(Values(first, 3, 2, Nothing).exp(), 1e-13);
        both.Counts.Negatives.ShouldEqual(Values(4, 4, 4, 4), 0);
        if (!graph && !otherGraph) return;
        var share = Math.Exp(0.5 - first);
        both.LogNegatives[..3].sum().backward();
        if (graph) negatives.grad!.ShouldEqual(Values(share, 0, 1, 0), 1e-13);
        if (otherGraph) others.grad!.ShouldEqual(Values(1 - share, 1, 0, 0), 1e-13);
    }

    [Fact]
    public void Derivatives_of_two_losses_add_up_with_those_that_one_of_them_lacks()
    {
        using var scope = NewDisposeScope();
        Tensor a = Values(1), b = Values(10), c = Values(100);
        Check(new(a, b, c), new(a, b, c), 2, 20, 200);
        Check(new(null, b, c), new(a, b, null), 1, 20, 100);
        Check(new(a, b, null), new(null, b, c), 1, 20, 100);
        Check(new(null, b, null), new(null, b, null), null, 20, null);
        Check(new(a, b, null, IsRatio: true), new(a, b, c), 2, 20, 90);

        static void Check(SumDerivatives left, SumDerivatives right, double? positives, double negatives, double? logits)
        {
            var both = left.Plus(right);
            both.LogPositives?.item<double>().Should().Be(positives);
            (both.LogPositives is null).Should().Be(positives is null);
            both.LogNegatives.item<double>().Should().Be(negatives);
            both.ByPositiveLogits?.item<double>().Should().Be(logits);
            (both.ByPositiveLogits is null).Should().Be(logits is null);
        }
    }

    [Fact]
    public void Relative_to_the_larger_of_two_sums_or_to_another_reference_they_are_the_same()
    {
        using var scope = NewDisposeScope();
        foreach (var reference in new[] { null, Values(7, -3, 0.5) })
        {
            var sums = Sums(Values(1, Nothing, -2), Values(4, -5, Nothing), Values(2, 0, -2), reference);
            var absolute = (sums.Absolute(sums.LogPositives).exp(), sums.Absolute(sums.LogNegatives).exp(), sums.Absolute(sums.PositiveLogits));
            foreach (var other in new[] { sums.RelativeToLarger(), sums.RelativeTo(Values(3, 2, 1)) })
            {
                other.Absolute(other.LogPositives).exp().ShouldEqual(absolute.Item1, 1e-13);
                other.Absolute(other.LogNegatives).exp().ShouldEqual(absolute.Item2, 1e-13);
                other.Absolute(other.PositiveLogits).ShouldEqual(absolute.Item3, 1e-13);
            }
            sums.RelativeToLarger().LogPositives.maximum(sums.RelativeToLarger().LogNegatives).ShouldEqual(Values(0, 0, 0), 1e-13);
        }

        // An anchor with neither keeps its reference.
        var none = Sums(Values(Nothing), Values(Nothing), Values(0), Values(2)).RelativeToLarger();
        (none.LogPositives.item<double>(), none.LogNegatives.item<double>(), none.Reference!.item<double>()).Should().Be((Nothing, Nothing, 2));
    }
}
