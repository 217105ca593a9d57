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
}
