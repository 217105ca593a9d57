using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>Loss and objective are tensors of their own, whatever one does to either.</summary>
public class ContrastiveResultTests
{
    private static readonly Dictionary<string, Func<nn.Reduction, Tensor, Tensor, ContrastiveResult>> Results = new()
    {
        ["InfoNCE"] = (reduction, a, b) => new InfoNCELoss(reduction: reduction).Evaluate(a, b),
        ["InfoNCE, symmetric"] = (reduction, a, b) => new InfoNCELoss(mode: ContrastMode.Symmetric, reduction: reduction).Evaluate(a, b),
        ["InfoNCE, two views"] = (reduction, a, b) => new InfoNCELoss(mode: ContrastMode.TwoViews, reduction: reduction).Evaluate(a, b),
        ["InfoNCE, labels"] = (reduction, a, b) => new InfoNCELoss(reduction: reduction).Evaluate(
            a, b, pairs: PairMap.FromLabels(arange(4, dtype: ScalarType.Int64), arange(4, dtype: ScalarType.Int64))),
        ["InfoNCE, weighted positives"] = (reduction, a, b)
            => new InfoNCELoss(reduction: reduction, decoupled: true, misesFisherSigma: 0.5).Evaluate(a, b),
        ["InfoNCE, a memory"] = (reduction, a, b)
            => new InfoNCELoss(reduction: reduction, memory: new CrossBatchMemory(8, 3, dtype: ScalarType.Float64)).Evaluate(a, b),
        ["InfoNCE, negatives"] = (reduction, a, b) => new InfoNCELoss(reduction: reduction).EvaluateNegatives(a, b, b),
        ["InfoNCE, negatives, weighted positives"] = (reduction, a, b)
            => new InfoNCELoss(reduction: reduction, decoupled: true, misesFisherSigma: 0.5).EvaluateNegatives(a, b, b),
        ["InfoNCE, negatives of each"] = (reduction, a, b)
            => new InfoNCELoss(reduction: reduction).EvaluateNegatives(a, b, b.unsqueeze(1).expand(4, 2, 3)),
        ["sigmoid"] = (reduction, a, b) => new SigmoidContrastiveLoss(reduction: reduction).Evaluate(a, b),
        ["sigmoid, constant"] = (reduction, a, b)
            => new SigmoidContrastiveLoss(Temperature.Fixed(0.1), learnedBias: false, reduction: reduction).Evaluate(a, b),
        ["gamma"] = (reduction, a, b) => new GammaContrastiveLoss(new BatchPartition(), reduction: reduction).Evaluate(a, b),
    };

    public static TheoryData<string> Names => [.. Results.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_done_to_one_is_not_done_to_the_other(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var reduction in Enum.GetValues<nn.Reduction>())
        {
            foreach (var learns in new[] { false, true })
            {
                var (a, b) = (Draw.Normal(1, 4, 3).requires_grad_(learns), Draw.Normal(2, 4, 3).requires_grad_(learns));
                var result = Results[name](reduction, a, b);
                result.Objective.requires_grad.Should().BeFalse();
                using (no_grad())
                {
                    var objective = result.Objective.clone();
                    result.Loss.div_(4);
                    result.Objective.ShouldEqual(objective, 0, $"{reduction}, {learns}: the loss was divided");
                    var loss = result.Loss.clone();
                    result.Objective.zero_();
                    result.Loss.ShouldEqual(loss, 0, $"{reduction}, {learns}: the objective was set");
                }
            }
        }
    }

    [Fact]
    public void Both_go_with_the_result()
    {
        using var a = Draw.Leaf(1, 4, 3);
        using var b = Draw.Leaf(2, 4, 3);
        using var info = new InfoNCELoss(mode: ContrastMode.Symmetric);
        using var sigmoid = new SigmoidContrastiveLoss();
        foreach (var loss in new ContrastiveLoss[] { info, sigmoid })
        {
            TensorCount.ShouldStay(() => loss.Evaluate(a, b).Dispose());
            TensorCount.ShouldStay(() => loss.forward(a, b).Dispose());
            TensorCount.Left(() =>
            {
                var result = loss.Evaluate(a, b);
                result.Objective.Dispose();
                result.Loss.Dispose();
            }).Should().Be(0);
        }
    }
}
