using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The way through any loss: its derivatives by the features of the whole batch are worked out once and kept (L. Gao et al.,
/// "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", RepL4NLP 2021).
/// </summary>
internal static class CachedGradients
{
    /// <summary>Evaluates the loss, and differentiates it by the features and by whatever it depends on itself.</summary>
    public static Func<MicroBatch, Tensor?[]> Of(FeatureBatch batch, Func<Tensor[], Tensor> loss)
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
