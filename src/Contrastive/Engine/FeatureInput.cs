using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>One matrix of the caller's features (n, D): into a similarity, and a gradient back out of it.</summary>
internal sealed class FeatureInput(Tensor features, SimilarityMeasure measure)
{
    /// <summary>Rows are worked on in runs of about this many numbers, so that several steps find them in the cache.</summary>
    private const long RunElements = 1 << 18;

    private Tensor? prepared;
    private Tensor? inverseLengths;

    /// <summary>As given.</summary>
    public Tensor Features => features;

    public bool RequiresGradient => features.requires_grad;

    /// <summary>Widened and, for cosines, at unit length, with a graph.</summary>
    public Tensor Prepare() => Contrastive.Features.Prepare(features, measure);

    /// <summary>The same times a scale, (), if there is one, without a graph.</summary>
    public Tensor Prepare(Tensor? scale)
    {
        using var constant = no_grad();
        var wide = Wide(features.detach());
        if (measure == SimilarityMeasure.DotProduct) return prepared = scale is null ? wide : wide.mul(scale);

        inverseLengths = UnitRows.InverseLengths(wide);
        return prepared = wide.mul(scale is null ? inverseLengths : inverseLengths.mul(scale));
    }

    /// <summary>
    /// Turns a gradient by what <see cref="Prepare(Tensor?)"/> gave into one by the features, in place, and gives the derivative
    /// by the logarithm of the scale, ().
    /// </summary>
    public Tensor PullBack(Tensor gradient, Tensor? scale)
    {
        using var constant = no_grad();
        var along = zeros([], dtype: gradient.dtype, device: gradient.device);
        var run = Math.Max(1, RunElements / gradient.shape[1]);
        for (long first = 0; first < gradient.shape[0]; first += run)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(run, gradient.shape[0] - first);
            var (g, p) = (gradient.narrow(0, first, count), prepared!.narrow(0, first, count));
            var onPrepared = g.mul(p).sum(dim: 1, keepdim: true);
            along.add_(onPrepared.SumAll(), Scalars.One);
            if (!features.requires_grad) continue;
            if (inverseLengths is null)
            {
                if (scale is not null) g.mul_(scale);
                continue;
            }
            // p = scale · x / ‖x‖, so ∂L/∂x = (scale · g - ⟨g, p⟩ / scale · p) / ‖x‖: what lies along x changes nothing.
            var inverse = inverseLengths.narrow(0, first, count);
            var alongRow = onPrepared.mul(inverse).neg();
            g.mul_(scale is null ? inverse : inverse.mul(scale));
            g.addcmul_(p, scale is null ? alongRow : alongRow.div(scale), Scalars.One);
        }
        return along;
    }

    /// <summary>⟨x, gradient⟩, (), with a graph to the features alone.</summary>
    public Tensor Along(Tensor gradient) => Wide(features).reshape(-1).dot(gradient.reshape(-1));

    private static Tensor Wide(Tensor tensor) => tensor.to(UnitRows.ComputeType(tensor.dtype));
}
