using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

public class GradientReductionTests
{
    /// <summary>Handles of gradients keep them: those that the reduction asks for go at its end, and the gradients stay with the parameters.</summary>
    [Fact]
    public void A_sum_leaves_no_tensor_behind()
        => TensorCount.ShouldStay(
            () => ThreadGroup.Run(2, communicator =>
            {
                using var left = Draw.Leaf(1, 3);
                using var right = Draw.Leaf(2, 2, 2);
                var gradients = new GradientReduction(communicator, [left, right]);
                using (NewDisposeScope())
                {
                    left.sum().backward();
                    if (communicator.Rank == 1) right.sum().backward();
                }
                for (var step = 0; step < 3; step++) gradients.Sum();
                using var scope = NewDisposeScope();
                left.grad!.ShouldEqual(ones_like(left.detach()) * 8);
                right.grad!.ShouldEqual(ones_like(right.detach()) * 4);
            }),
            times: 5);

    /// <summary>As many numbers in all, so that sums would go through, of other parameters.</summary>
    [Fact]
    public void Parameters_in_another_order_or_of_another_shape_are_refused_on_all_ranks()
    {
        Messages(rank => rank == 1 ? [Draw.Leaf(1, 4, 2)] : [Draw.Leaf(1, 2, 4)])
            .Should().AllBe("the parameters: number 0 is Float64 (4, 2) on rank 1 but Float64 (2, 4) on rank 0");
        Messages(rank => rank == 2 ? [Draw.Leaf(1, 3), Draw.Leaf(2, 1, 4), Draw.Leaf(3, 2)] : [Draw.Leaf(1, 3), Draw.Leaf(3, 2), Draw.Leaf(2, 1, 4)])
            .Should().AllBe("the parameters: number 1 is Float64 (1, 4) on rank 2 but Float64 (2) on rank 0");
        Messages(rank => rank == 1 ? [Draw.Leaf(1, 2).to(ScalarType.Float32).detach().requires_grad_()] : [Draw.Leaf(1, 2)])
            .Should().AllBe("the parameters: number 0 is Float32 (2) on rank 1 but Float64 (2) on rank 0");
        Messages(rank => rank == 2 ? [Draw.Leaf(1, 2)] : [Draw.Leaf(1, 2), Draw.Leaf(2, 3)]).Should().AllBe("the parameters: rank 2 has 1 but rank 0 has 2");
        Messages(rank => rank == 2 ? [Draw.Leaf(1, 2)] : []).Should().AllBe("the parameters: rank 2 has 1 but rank 0 has 0");

        static string[] Messages(Func<int, Tensor[]> parameters) => ThreadGroup.Run(3, communicator =>
        {
            using var scope = NewDisposeScope();
            var own = parameters(communicator.Rank);
            foreach (var parameter in own) parameter.sum().backward();
            var gradients = new GradientReduction(communicator, own);
            var sum = () => gradients.Sum();
            sum.Should().Throw<InvalidOperationException>("and at the next try").WithMessage("the parameters: *");
            var message = sum.Should().Throw<InvalidOperationException>().Which.Message;
            foreach (var parameter in own) parameter.grad!.ShouldEqual(ones_like(parameter.detach()), because: "nothing was summed");
            return message;
        });
    }

    [Fact]
    public void Parameters_meet_once_and_gradients_at_each_step() => ThreadGroup.Run(2, communicator =>
    {
        using var scope = NewDisposeScope();
        Tensor[] parameters = [Draw.Leaf(1, 3), Draw.Leaf(2, 2)];
        foreach (var parameter in parameters) parameter.sum().backward();
        var gradients = new GradientReduction(communicator, parameters);
        var sent = Enumerable.Range(0, 3).Select(_ =>
        {
            var before = communicator.BytesSent;
            gradients.Sum();
            return communicator.BytesSent - before;
        }).ToArray();
        // A number, and one a parameter, of 8 bytes each, to the other rank.
        sent[0].Should().Be(sent[1] + 24);
        sent[2].Should().Be(sent[1]);
    });
}
