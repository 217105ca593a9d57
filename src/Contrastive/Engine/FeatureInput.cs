using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>One matrix of the caller's features (n, D): into a similarity, and a gradient back out of it.</summary>
internal sealed class FeatureInput(Tensor features, SimilarityMeasure measure)
{
    /// <summary>Rows are worked on in runs of about this many numbers, so that several steps find them in the cache.</summary>
    private const long RunElements = 1 << 18;

    private Tensor? _prepared;
    private Tensor? _inverseLengths;

    /// <summary>As given.</summary>
    public Tensor Features => features;

    public bool RequiresGradient => features.requires_grad;

    /// <summary>Widened and, for cosines, at unit length, with a graph.</summary>
    public Tensor Prepare() => FeatureRows.Prepare(features, measure);

    /// <summary>The same times a scale, (), if there is one, without a graph.</summary>
    public Tensor Prepare(Tensor? scale)
    {
        using var constant = no_grad();
        var wide = UnitRows.Widen(features.detach());
        if (measure == SimilarityMeasure.DotProduct) return _prepared = scale is null ? wide : wide.mul(scale);

        var lengths = UnitRows.Lengths(wide);
        _inverseLengths = lengths.reciprocal();
        return _prepared = wide.div(scale is null ? lengths : lengths.div(scale));
    }

    /// <summary>The length of the longest row of what <see cref="Prepare(Tensor?)"/> gave.</summary>
    public double LongestPrepared()
    {
        using var scope = NewDisposeScope();
        return _prepared!.norm(1, keepdim: false, 2).max().to(ScalarType.Float64).item<double>();
    }

    /// <summary>Turns a gradient by what <see cref="Prepare(Tensor?)"/> gave into one by the features, in place.</summary>
    /// <returns>The derivative by the logarithm of the scale, (), if asked for.</returns>
    public Tensor? PullBack(Tensor gradient, Tensor? scale, bool wantsScale)
    {
        using var constant = no_grad();
        var run = Math.Max(1, RunElements / gradient.shape[1]);
        if (gradient.shape[0] <= run) return PullBack(gradient, _prepared!, _inverseLengths, scale, wantsScale);

        var along = wantsScale ? zeros([], dtype: gradient.dtype, device: gradient.device) : null;
        foreach (var (first, count) in Runs.Of(gradient.shape[0], run))
        {
            using var scope = NewDisposeScope();
            Tensor Run(Tensor rows) => rows.narrow(0, first, count);
            var part = PullBack(Run(gradient), Run(_prepared!), _inverseLengths is null ? null : Run(_inverseLengths), scale, wantsScale);
            along?.add_(part!, Scalars.One);
        }
        return along;
    }

    private Tensor? PullBack(Tensor gradient, Tensor prepared, Tensor? inverseLengths, Tensor? scale, bool wantsScale)
    {
        var isUnit = features.requires_grad && inverseLengths is not null;
        var alongRows = isUnit || wantsScale ? gradient.mul(prepared).sum(dim: 1, keepdim: true) : null;
        var along = wantsScale ? alongRows!.SumAll() : null;
        if (isUnit)
        {
            // p = scale · x / ‖x‖, so ∂L/∂x = (scale · g - ⟨g, p⟩ / scale · p) / ‖x‖: what lies along x changes nothing.
            var alongUnit = alongRows!.mul_(inverseLengths!);
            gradient.mul_(scale is null ? inverseLengths! : inverseLengths!.mul(scale));
            gradient.addcmul_(prepared, scale is null ? alongUnit : alongUnit.div_(scale), Scalars.MinusOne);
        }
        else if (features.requires_grad && scale is not null)
        {
            gradient.mul_(scale);
        }
        return along;
    }

    /// <summary>⟨x, gradient⟩, (), with a graph to the features alone.</summary>
    public Tensor Along(Tensor gradient) => UnitRows.Widen(features).reshape(-1).dot(gradient.reshape(-1));
}
