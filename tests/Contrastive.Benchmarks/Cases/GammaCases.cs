using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>The gamma loss of one direction: the user's call (both steps of EM), and the M-step alone.</summary>
internal static class GammaCases
{
    public static IEnumerable<StepCase> All =>
    [
        new("gamma", 4096, 512, BothSteps, PlainInfoNCE.OneDirection),
        new("gamma-m-step", 4096, 512, MaximizationStep, PlainInfoNCE.OneDirection),
        new("gamma-large", 32768, 256, BothSteps, PlainInfoNCE.OneDirection),
    ];

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
