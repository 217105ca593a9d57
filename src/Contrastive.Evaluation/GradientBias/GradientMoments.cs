using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// The running mean and scatter of gradients, as deviations from the full gradient: the mean's distance to it then loses no
/// digits. Its tensors live in the dispose scope of its construction.
/// </summary>
/// <remarks>Source: B. P. Welford, Technometrics 4 (1962).</remarks>
internal sealed class GradientMoments(Tensor[] full)
{
    /// <summary>mean g_B - g.</summary>
    public Tensor[] Mean { get; } = [.. full.Select(gradient => zeros_like(gradient))];

    /// <summary>Σ ‖g_B - mean g_B‖².</summary>
    public double Scatter { get; private set; }

    public long Count { get; private set; }

    public void Add(Tensor[] gradient)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Count++;
        using var weight = (1.0 / Count).ToScalar();
        for (int i = 0; i < full.Length; i++)
        {
            var step = gradient[i] - full[i] - Mean[i];
            Scatter += Vectors.Dot(step, step) * (Count - 1) / Count;
            Mean[i].add_(step, weight);
        }
    }
}
