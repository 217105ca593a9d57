using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

public class AnyLossTests
{
    [Theory]
    [InlineData(ScalarType.Float64, 1e-8)]
    [InlineData(ScalarType.Float32, 3e-4)]
    [InlineData(ScalarType.Float16, 2e-2)]
    [InlineData(ScalarType.BFloat16, 6e-2)]
    public void The_second_encoding_may_differ_by_the_rounding_of_its_dtype_and_no_more(ScalarType dtype, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var weight = new Parameter(Draw.Normal(1, 5, 4).to(dtype));
        var x = Draw.Normal(2, 10, 5).to(dtype);
        var step = new LargeBatchStep(4, []);
        step.MicroBatchSize.Should().Be(4);
        Tensor Loss(Tensor[] features) => features[0].to(ScalarType.Float64).pow(2).mean();
        void Backward(double change)
        {
            var calls = 0;
            step.Backward(10, (first, count) => [x.narrow(0, first, count).matmul(weight) * (++calls > 3 ? 1 + change : 1)], Loss);
        }

        Loss([x.matmul(weight)]).backward();
        var expected = weight.grad!.clone();
        foreach (var change in new[] { 0, tolerance / 4 })
        {
            weight.grad = null;
            Backward(change);
            weight.grad!.ShouldEqual(expected, tolerance);
        }
        FluentActions.Invoking(() => Backward(4 * tolerance))
            .Should().Throw<InvalidOperationException>().WithMessage("encode gave other features for micro-batch 0 (items 0 to 3) than the first time*");
    }

    [Fact]
    public void An_encoder_without_features_is_refused_and_so_is_one_that_loses_a_tower()
    {
        using var scope = NewDisposeScope();
        using var towers = new Towers(10);
        var step = new LargeBatchStep(4, towers.Modules);
        Tensor[] Encode(long first, long count) => [towers.Encode(first, count).Anchors, towers.Encode(first, count).Candidates];
        Tensor Loss(Tensor[] features) => features[0].sum();
        Refuses(() => step.Backward(10, (_, _) => [], Loss), "encode gave no features for micro-batch 0 (items 0 to 3)");
        Refuses(() => step.Backward(10, (_, _) => null!, Loss), "encode gave no features for micro-batch 0 (items 0 to 3)");
        Refuses(
            () => step.Backward(10, (first, count) => first == 4 ? null! : Encode(first, count), Loss),
            "encode gave the features of 0 towers for micro-batch 1 (items 4 to 7) but of 2 for the first micro-batch");
        Refuses(
            () => step.Backward(10, (first, count) => first == 8 ? Encode(first, count)[..1] : Encode(first, count), Loss),
            "encode gave the features of 1 towers for micro-batch 2 (items 8 to 9) but of 2 for the first micro-batch");
        LargeBatchStepTests.Gradients(towers, null).All(gradient => gradient is null).Should().BeTrue();
    }

    [Fact]
    public void Any_loss_of_any_number_of_towers_with_parameters_of_its_own()
    {
        const long count = 11;
        using var scope = NewDisposeScope();
        using var towers = new Towers(count);
        using var scale = new Parameter(Draw.Normal(9, 4));
        manual_seed(2);
        var parts = new[] { (0L, 4L), (4, 4), (8, 3) }.Select(part => Encode(part.Item1, part.Item2)).ToArray();
        var expected = Loss([.. Enumerable.Range(0, 3).Select(k => cat([.. parts.Select(part => part[k])]))]);
        expected.backward();
        var (gradients, ofScale, next) = (LargeBatchStepTests.Gradients(towers, null), scale.grad!.clone(), rand(3));

        towers.ZeroGradients();
        scale.grad = null;
        manual_seed(2);
        var value = new LargeBatchStep(4, towers.Modules).Backward(count, Encode, Loss);
        value.ShouldEqual(expected, 1e-12);
        value.requires_grad.Should().BeFalse();
        scale.grad!.ShouldEqual(ofScale, 1e-12);
        LargeBatchStepTests.ShouldBeSame(LargeBatchStepTests.Gradients(towers, null), gradients, "three towers, one unused by the loss");
        rand(3).IsSameAs(next).Should().BeTrue("the loss draws too");

        // The third has three dimensions.
        Tensor[] Encode(long first, long n)
        {
            var (a, b) = towers.Encode(first, n);
            return [a, b, stack([a, b], 1)];
        }

        Tensor Loss(Tensor[] features)
        {
            var (a, pair) = (features[0] * scale, features[2]);
            var noise = randn([4], dtype: ScalarType.Float64);
            return (a.matmul(a.t()).tanh().sum() + (pair.select(1, 1) * noise).sum(dim: 1).exp().mean()) * 0.1;
        }
    }

    [Fact]
    public void One_micro_batch_is_a_plain_step_and_nothing_is_left_behind()
    {
        using var towers = new Towers(8);
        foreach (var microBatch in new[] { 3L, 8 })
        {
            var step = new LargeBatchStep(microBatch, towers.Modules);
            TensorCount.ShouldStay(() => step.Backward(8, Encode, features => (features[0] * features[0]).mean()).Dispose(), 5);
        }

        Tensor[] Encode(long first, long count) => [towers.Encode(first, count).Anchors];
    }

    [Fact]
    public void Losses_that_are_no_scalar_or_have_no_graph_are_refused_before_anything_changes()
    {
        using var scope = NewDisposeScope();
        using var towers = new Towers(8);
        foreach (var microBatch in new[] { 3L, 8 })
        {
            var step = new LargeBatchStep(microBatch, towers.Modules);
            Refuses(() => step.Backward(8, Encode, features => features[0].sum(dim: 1)), "the loss must be a scalar but has the shape (8)");
            Refuses(() => step.Backward(8, Encode, _ => null!), "the loss must be a scalar but is null");
            Refuses(() => step.Backward(8, Encode, null!), "loss");
            Refuses(() => step.Backward(8, (_, _) => [], features => features[0].sum()), "encode gave no features for micro-batch 0");
            FluentActions.Invoking(() => step.Backward(8, Encode, features => features[0].detach().sum()))
                .Should().Throw<InvalidOperationException>().WithMessage("the loss has no graph*");
        }
        var calls = 0;
        Refuses(() => new LargeBatchStep(3, towers.Modules).Backward(8, (first, count) => ++calls == 2
            ? [.. Encode(first, count), .. Encode(first, count)]
            : Encode(first, count), features => features[0].sum()), "encode gave the features of 2 towers for micro-batch 1 (items 3 to 5) but of 1");
        LargeBatchStepTests.Gradients(towers, null).All(gradient => gradient is null).Should().BeTrue();

        Tensor[] Encode(long first, long count) => [towers.Encode(first, count).Anchors];
    }

    [Fact]
    public void Half_precision_features()
    {
        using var scope = NewDisposeScope();
        using var towers = new Towers(9, dropout: 0);
        using var loss = new InfoNCELoss(mode: ContrastMode.Symmetric);
        var (a, b) = towers.Encode(0, 9);
        loss.forward(a.to(ScalarType.BFloat16), b.to(ScalarType.BFloat16)).backward();
        var expected = LargeBatchStepTests.Gradients(towers, null);
        towers.ZeroGradients();
        new LargeBatchStep(4, towers.Modules).Backward(9, (first, count) =>
        {
            var (left, right) = towers.Encode(first, count);
            return (left.to(ScalarType.BFloat16), right.to(ScalarType.BFloat16));
        }, loss);
        LargeBatchStepTests.ShouldBeSame(LargeBatchStepTests.Gradients(towers, null), expected, "bfloat16 features", 1e-2);
    }
}
