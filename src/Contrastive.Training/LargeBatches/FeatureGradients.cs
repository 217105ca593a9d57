using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>The derivatives of a batch's loss by the features of each micro-batch: two exact ways to them.</summary>
internal static class FeatureGradients
{
    /// <summary>
    /// For any loss: its derivatives by the features of the whole batch, and by whatever it depends on itself, are worked out once, and
    /// those by the features are kept (L. Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited
    /// Setup", RepL4NLP 2021).
    /// </summary>
    public static Func<MicroBatch, Tensor?[]> Cached(FeatureBatch batch, Func<Tensor[], Tensor> loss)
    {
        var (leaves, learns) = (batch.Features, batch.Learns);
        for (var k = 0; k < leaves.Length; k++) leaves[k].requires_grad_(learns[k]);
        try
        {
            using (NewDisposeScope()) loss(leaves).backward();
        }
        finally
        {
            foreach (var leaf in leaves) leaf.requires_grad_(false);
        }
        var gradients = leaves.Select(Taken).ToArray();
        return part => [.. gradients.Select((gradient, k) => gradient is null ? null : batch.RowsOf(gradient, k, part))];
    }

    /// <summary>
    /// For a sum over pairs: the pairs of a micro-batch's anchors with all candidates and of all anchors with its candidates are
    /// differentiated when its turn comes. What each pair adds to the gradient of its anchor and of its candidate is added
    /// once; the derivative by the temperature goes to its <c>.grad</c>.
    /// </summary>
    public static Func<MicroBatch, Tensor?[]> Accumulated(GammaContrastiveLoss loss, GammaStep step, FeatureBatch batch)
    {
        // With two views the second tower's rows lie below the first one's, and both are anchors and candidates.
        var twoViews = loss.Mode == ContrastMode.TwoViews;
        var temperatureLearns = loss.Temperature.parameters().Any(parameter => parameter.requires_grad);
        return part => [Differentiate(part, 0), Differentiate(part, 1)];

        Tensor? Differentiate(MicroBatch part, int tower)
        {
            var learns = batch.Learns[tower];
            var own = batch.RowsOf(batch.Features[tower], tower, part).detach().requires_grad_(learns);
            var first = batch.RangeOf(tower, part).First + (twoViews && tower == 1 ? batch.Features[0].shape[0] : 0);
            // The temperature is a factor of every pair, and the anchors of all micro-batches have each pair once.
            if ((twoViews || tower == 0) && (learns || temperatureLearns))
            {
                using var scope = NewDisposeScope();
                step.Block(own, first, step.Candidates, 0).backward();
            }
            if ((twoViews || tower == 1) && learns)
            {
                using var scope = NewDisposeScope();
                step.Block(step.Anchors, 0, own, first, constantTemperature: true).backward();
            }
            return own.grad;
        }
    }

    /// <summary>A leaf's gradient, where the second pass's small tensors do not come to lie around it.</summary>
    private static Tensor? Taken(Tensor leaf)
    {
        if (leaf.grad is not { } gradient) return null;
        var kept = Workspace.Empty(gradient.shape, gradient.dtype, gradient.device).copy_(gradient);
        leaf.grad = null;
        gradient.Dispose();
        return kept;
    }
}
