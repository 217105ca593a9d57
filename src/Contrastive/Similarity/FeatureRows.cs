using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// One side of a contrast: the caller's features (n, D) as similarities use them, and gradients on their way back. Rows are
/// widened from half precision and, for cosines, divided by their length. They never carry the scale 1/τ, but for
/// <see cref="Times"/>, which is for matrix products alone.
/// </summary>
internal sealed class FeatureRows(Tensor features, SimilarityMeasure measure)
{
    private Tensor? _inverseLengths;

    /// <summary>As given.</summary>
    public Tensor Features => features;

    public bool RequiresGradient => features.requires_grad;

    /// <summary>Whether no row is longer than 1.</summary>
    public bool AreUnit => measure == SimilarityMeasure.Cosine;

    /// <summary>The dtype that similarities are computed in.</summary>
    public ScalarType ComputeType => UnitRows.ComputeType(features.dtype);

    /// <summary>The rows with their graph.</summary>
    public Tensor WithGraph()
    {
        if (measure == SimilarityMeasure.Cosine) return UnitRows.Of(features);
        var wide = UnitRows.Widen(features);
        // Autograd refuses to keep what was made in inference mode, and does not tell which tensors those are. A copy is none.
        return wide.requires_grad || wide.dtype != features.dtype || !is_grad_enabled() ? wide : wide.clone();
    }

    /// <summary>The rows without a graph.</summary>
    public Tensor Constant => field ??= Normalized(null);

    /// <summary>The rows times a scale, without a graph: the left side of the product that gives the similarities.</summary>
    public Tensor Times(LogitScale scale)
    {
        using var constant = no_grad();
        return Normalized(scale);
    }

    /// <summary>
    /// Both sides below each other as one, with their graph; null where they have more than <paramref name="most"/> numbers, are not
    /// compared by cosine, or have different dtypes.
    /// </summary>
    public static FeatureRows? Join(FeatureRows first, FeatureRows second, long most)
    {
        var (left, right) = (first.Features, second.Features);
        if (!first.AreUnit || !second.AreUnit || left.dtype != right.dtype || left.numel() + right.numel() > most) return null;
        return new FeatureRows(cat([left, right]), SimilarityMeasure.Cosine);
    }

    /// <summary>The length of the longest of some rows. Waits for the device.</summary>
    public static double Longest(Tensor rows)
    {
        using var scope = NewDisposeScope();
        return rows.norm(1, keepdim: false, 2).max().to(ScalarType.Float64).item<double>();
    }

    /// <summary>
    /// Turns a gradient by what <see cref="Times"/> gave (or <see cref="Constant"/>, without a scale) into one by the features, in
    /// place.
    /// </summary>
    /// <param name="gradient">(n, D).</param>
    /// <param name="rows">What it is the gradient by.</param>
    /// <param name="scale">The scale in those rows.</param>
    /// <param name="scaled">How many rows, from the first on, the derivative by log(1/τ) is over; 0 where it is not asked for.</param>
    /// <returns>That derivative, (); null where it is not asked for.</returns>
    public Tensor? PullBack(Tensor gradient, Tensor rows, LogitScale? scale, long scaled)
    {
        using var constant = no_grad();
        if (gradient.numel() <= Runs.CachedElements) return PullBackRun(gradient, rows, _inverseLengths, scale, scaled);

        var total = scaled > 0 ? zeros([], dtype: gradient.dtype, device: gradient.device) : null;
        foreach (var (first, count) in Runs.OfRows(gradient.shape[0], gradient.shape[1]))
        {
            using var scope = NewDisposeScope();
            Tensor Run(Tensor all) => all.narrow(0, first, count);
            var part = PullBackRun(
                Run(gradient), Run(rows), _inverseLengths is null ? null : Run(_inverseLengths), scale, Math.Clamp(scaled - first, 0, count));
            if (part is not null) total!.add_(part, Scalars.One);
        }
        return total;
    }

    /// <summary>⟨x, gradient⟩, (), with a graph to the features alone.</summary>
    public Tensor DotGradient(Tensor gradient)
    {
        var (input, derivative) = Leaf(gradient);
        return input.dot(derivative);
    }

    /// <summary>The features as numbers in a row, with the gradient by each.</summary>
    public (Tensor Input, Tensor Derivative) Leaf(Tensor gradient) => (UnitRows.Widen(features).reshape(-1), gradient.view(-1));

    /// <summary>
    /// Whether rows (N, D) are finite. False also where their sum is beyond the dtype, which takes a closer look. Waits for the device.
    /// </summary>
    public static bool AreFinite(Tensor rows)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        return rows.SumAll().IsFinite();
    }

    /// <summary>Refuses features (N, D) that must not reach an estimator's state. Waits for the device.</summary>
    public static void CheckFinite(Tensor features, string name)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        if (AreFinite(features)) return;
        var finite = features.isfinite().all(1);
        if (finite.all().item<bool>()) return;
        var row = finite.logical_not().nonzero()[0, 0].item<long>();
        throw new ArgumentException($"{name} are not finite in row {row}; nothing was changed", name);
    }

    private Tensor Normalized(LogitScale? scale)
    {
        using var constant = no_grad();
        var given = features.detach();
        if (measure == SimilarityMeasure.DotProduct && scale is null) return UnitRows.Widen(given);

        if (measure == SimilarityMeasure.Cosine && given.numel() <= Runs.CachedElements)
        {
            var small = UnitRows.Widen(given);
            _inverseLengths ??= UnitRows.InverseLengths(small);
            return small.mul(scale is { } times ? times.Of(_inverseLengths) : _inverseLengths);
        }

        var rows = Workspace.Empty(given.shape, ComputeType, given.device).copy_(given);
        if (measure == SimilarityMeasure.DotProduct) return scale!.Value.Apply_(rows);

        var lengths = UnitRows.Lengths(rows);
        _inverseLengths ??= lengths.reciprocal();
        return rows.div_(scale is { } factor ? factor.Undo(lengths) : lengths);
    }

    private Tensor? PullBackRun(Tensor gradient, Tensor rows, Tensor? inverseLengths, LogitScale? scale, long scaled)
    {
        var isUnit = features.requires_grad && inverseLengths is not null;
        var projection = isUnit || scaled > 0 ? gradient.mul(rows).sum(dim: 1, keepdim: true) : null;
        var byScale = scaled == 0 ? null : (scaled == gradient.size(0) ? projection! : projection!.narrow(0, 0, scaled)).SumAll();
        if (isUnit)
        {
            // p = scale · x / ‖x‖, so ∂L/∂x = (scale · g - ⟨g, p⟩ / scale · p) / ‖x‖: the projection on x changes nothing.
            if (scale is null)
            {
                gradient.addcmul_(rows, projection!, Scalars.MinusOne).mul_(inverseLengths!);
                return byScale;
            }
            var unitProjection = projection!.mul_(inverseLengths!);
            gradient.mul_(scale.Value.Of(inverseLengths!));
            gradient.addcmul_(rows, scale.Value.Undo(unitProjection), Scalars.MinusOne);
        }
        else if (features.requires_grad && scale is { } factor)
        {
            factor.Apply_(gradient);
        }
        return byScale;
    }
}

/// <summary>How two feature vectors are compared.</summary>
public enum SimilarityMeasure
{
    /// <summary>
    /// The cosine of the angle between them: rows are divided by their length. A zero row has no direction; its
    /// similarity is 0 with everything and no gradient reaches it. (So it is with a row whose squared length is beyond the
    /// dtype, in float32 one shorter than about 1e-22 or longer than 1e19.)
    /// </summary>
    Cosine,

    /// <summary>Their dot product, as given: for features that are normalised already, or are meant not to be.</summary>
    DotProduct,
}
