using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

public class ClassLossTests
{
    [Fact]
    public void Matching_and_assignment_are_cross_entropies_over_combinations_of_settings()
        => (from seed in Gen.Int[0, 1_000_000]
            from n in Gen.Int[1, 6]
            from pictures in Gen.Int[1, 4]
            from reduction in Gen.Enum<nn.Reduction>()
            select (seed, n, pictures, reduction)).Check(x =>
        {
            // One picture: matching.
            var logits = Draw.Leaf(x.seed, x.n, x.pictures + 1);
            var labels = Draw.Integers(x.seed, x.pictures + 1, x.n);
            using nn.Module<Tensor, Tensor, Tensor> loss = x.pictures == 1 ? new MatchingLoss(x.reduction) : new TextAssignmentLoss(x.pictures, x.reduction);
            Gradients.ShouldAgree(
                () => loss.call(logits, labels),
                () =>
                {
                    var each = stack([.. Enumerable.Range(0, x.n).Select(i => logits[i].exp().sum().log() - logits[i, labels[i].item<long>()])]);
                    return x.reduction switch { nn.Reduction.None => each, nn.Reduction.Sum => each.sum(), _ => each.mean() };
                },
                1e-9, logits);
            if (x.reduction != nn.Reduction.None) Gradients.ShouldMatchFiniteDifferences(() => loss.call(logits, labels), logits);
        });

    [Fact]
    public void What_does_not_fit_is_refused_by_name_and_NaN_shows()
    {
        using var scope = NewDisposeScope();
        using var loss = new MatchingLoss();
        Refuses(() => loss.forward(rand(3, 3), arange(3)), "logits must have 2 columns (does not match, matches) but have the shape (3, 3)");
        Refuses(() => loss.forward(rand(3), arange(3)), "logits must have the shape (N, D) but has (3)");
        Refuses(() => loss.forward(arange(4).view(2, 2), arange(2)), "logits must be float16");
        Refuses(() => loss.forward(rand(2, 2), empty(2, dtype: ScalarType.Int64, device: META)), "logits are on cpu but labels are on meta");
        Refuses(() => loss.forward(rand(3, 2), rand(3)), "labels must be integers but are Float32");
        Refuses(() => loss.forward(rand(3, 2), arange(2)), "labels must have the shape (3) but have (2)");
        Refuses(() => loss.forward(rand(3, 2), tensor(new long[] { 0, 1, 2 })), "labels must lie in [0, 1] but labels[2] is 2");
        Refuses(() => loss.forward(rand(1, 2), tensor(new long[] { -1 })), "labels[0] is -1");
        Refuses(() => new TextAssignmentLoss(3).forward(rand(2, 3), arange(2)), "logits must have 4 columns (3 places and none)");
        Refuses(() => new MatchingLoss((nn.Reduction)9), "reduction");
        loss.forward(full(2, 2, float.NaN), arange(2)).isnan().item<bool>().Should().BeTrue();
        loss.forward(rand(2, 2).to(ScalarType.BFloat16), arange(2)).dtype.Should().Be(ScalarType.Float32);
        loss.forward(rand(2, 2), tensor(new byte[] { 0, 1 })).ShouldBeFinite();
    }

    [Theory]
    [InlineData(nn.Reduction.Mean)]
    [InlineData(nn.Reduction.Sum)]
    [InlineData(nn.Reduction.None)]
    public void Where_all_texts_were_skipped_the_loss_is_zero(nn.Reduction reduction)
    {
        using var scope = NewDisposeScope();
        using var loss = new TextAssignmentLoss(2, reduction);
        var logits = rand(0, 3).requires_grad_();
        var nothing = loss.forward(logits, zeros(0, dtype: ScalarType.Int64));
        nothing.shape.Should().Equal(reduction == nn.Reduction.None ? [0L] : []);
        nothing.sum().item<float>().Should().Be(0);
        nothing.sum().backward();
        logits.grad!.shape.Should().Equal(0, 3);
    }

    [Fact]
    public void They_leave_no_tensor_behind()
    {
        using var outer = NewDisposeScope();
        var (logits, labels) = (rand(4, 2), zeros(4, dtype: ScalarType.Int64));
        using var loss = new MatchingLoss();
        TensorCount.ShouldStay(() => loss.forward(logits, labels).Dispose());
    }
}
