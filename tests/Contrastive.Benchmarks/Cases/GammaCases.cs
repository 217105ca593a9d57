using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>The gamma loss of one direction: the user's call (both steps of EM), and the M-step alone.</summary>
internal static class GammaCases
{
    public static IEnumerable<StepCase> All =>
    [
        Case("gamma", 4096, 512),
        new("gamma-m-step", "gamma loss, M-step alone", 4096, 512, MaximizationStep, MatrixProducts.Make, PlainInfoNCE.OneDirection),
        Case("gamma-large", 32768, 256),
    ];

    public static StepCase Case(string name, long batch, long dim)
        => new(name, "gamma loss, one direction", batch, dim, BothSteps, MatrixProducts.Make, PlainInfoNCE.OneDirection);

    private static BatchStep BothSteps(long batch, long dim)
    {
        var (features, loss, temperature) = Make(batch, dim);
        var ids = TensorArithmetic.Range(0, batch, features[0].device);
        return BatchStep.Training(
            () => loss.forward(features[0], features[1], ids),
            [.. features, .. loss.parameters()],
            [.. features, loss, temperature, ids]);
    }

    private static BatchStep MaximizationStep(long batch, long dim)
    {
        var (features, loss, temperature) = Make(batch, dim);
        var pairs = PairMap.Diagonal(batch);
        using var ids = TensorArithmetic.Range(0, batch, features[0].device);
        var weights = loss.ExpectationStep(features[0], features[1], pairs, ids);
        return BatchStep.Training(
            () => loss.MaximizationStep(features[0], features[1], pairs, weights, nn.Reduction.Mean),
            [.. features, .. loss.parameters()],
            [.. features, loss, temperature, weights]);
    }

    private static (Tensor[] Features, GammaContrastiveLoss Loss, Temperature Temperature) Make(long batch, long dim)
    {
        var temperature = Temperature.Learned();
        return (Features.Make(batch, dim), new GammaContrastiveLoss(new PartitionTable(batch), temperature), temperature);
    }
}
