using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// The scatter of the permutations' mean gradients. Every permutation has as many batches, so the mean over all batches so far
/// is the mean of the permutations' means, and each of these follows from how the former moved.
/// </summary>
internal sealed class PermutationSpread(Tensor[] full)
{
    private readonly Tensor[] _meanBefore = [.. full.Select(gradient => zeros_like(gradient))];

    /// <summary>Σ ‖m_p - mean m_p‖² over the permutations p.</summary>
    public double Scatter { get; private set; }

    public long Count { get; private set; }

    /// <param name="mean">The mean over all batches, up to the end of a whole permutation.</param>
    public void Add(Tensor[] mean)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Count++;
        for (int i = 0; i < mean.Length; i++)
        {
            // mean - before = (m_p - before) / p, and Welford adds ‖m_p - before‖² (p - 1) / p.
            var moved = mean[i] - _meanBefore[i];
            Scatter += Vectors.Dot(moved, moved) * Count * (Count - 1);
            _meanBefore[i].copy_(mean[i]);
        }
    }
}
