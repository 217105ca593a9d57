using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>What the E-step hands to the M-step: constants of each anchor, (m), in log space.</summary>
/// <remarks>The tensors belong to the surrounding dispose scope, if there is one; <see cref="Dispose"/> frees them at once.</remarks>
public sealed class GammaWeights : IDisposable
{
    /// <param name="relativeWeights">log(u_i / k_i) + r_i, (m).</param>
    /// <param name="logNegativeScale">log c_i, (m).</param>
    /// <param name="positiveShare">1/k_i, (m).</param>
    /// <param name="relativePartition">log Ẑ_i - r_i, (m).</param>
    /// <param name="reference">r_i, (m), near the anchor's largest similarity; null stands for 0.</param>
    /// <param name="skippedAnchors">How many were skipped.</param>
    /// <param name="objective">-1/k_i Σ_p s_ip + log Ẑ_i, (m); null where it is not known.</param>
    internal GammaWeights(
        Tensor relativeWeights,
        Tensor logNegativeScale,
        Tensor positiveShare,
        Tensor relativePartition,
        Tensor? reference,
        long skippedAnchors,
        Tensor? objective = null)
    {
        Objective = objective;
        (RelativeWeights, RelativePartition, Reference) = (relativeWeights, relativePartition, reference);
        LogNegativeScale = logNegativeScale;
        PositiveShare = positiveShare;
        SkippedAnchors = skippedAnchors;
    }

    /// <summary>Weights of the caller's own making.</summary>
    /// <param name="logWeights">log(u_i / k_i), (m). Where it requires a gradient, the M-step's loss has one by it.</param>
    /// <param name="logNegativeScale">log c_i, (m); by default 0, each candidate standing for itself alone.</param>
    /// <param name="positiveCount">k_i, (m); by default 1. Range: k_i ≥ 1.</param>
    /// <exception cref="ArgumentException">
    /// The weights are no vector of floating-point numbers, shapes or devices differ, or a k_i is less than 1.
    /// </exception>
    public static GammaWeights Create(Tensor logWeights, Tensor? logNegativeScale = null, Tensor? positiveCount = null)
    {
        Guard.Floating(logWeights);
        if (logWeights.dim() != 1)
            throw new ArgumentException($"logWeights must have the shape (m) but have {Guard.Shape(logWeights)}", nameof(logWeights));
        CheckSameShape(logWeights, logNegativeScale, nameof(logNegativeScale));
        CheckSameShape(logWeights, positiveCount, nameof(positiveCount));

        using var scope = NewDisposeScope();
        if (positiveCount is not null && !positiveCount.ge(Scalars.One).all().item<bool>())
            throw new ArgumentException(
                $"positiveCount must be at least 1 but {positiveCount.min().to(ScalarType.Float64).item<double>()} is among them", nameof(positiveCount));
        var weights = logWeights.clone();
        using var constant = no_grad();
        var scale = logNegativeScale?.detach().to(weights.dtype).clone() ?? zeros_like(weights);
        var share = positiveCount?.detach().to(weights.dtype).reciprocal() ?? ones_like(weights);
        return new GammaWeights(weights, scale, share, weights.neg(), null, 0).MoveToOuterDisposeScope();
    }

    /// <summary>log(u_i / k_i) + r_i, (m): with similarities relative to r_i it keeps its digits whatever their size.</summary>
    internal Tensor RelativeWeights { get; }

    /// <summary>r_i, (m); null stands for 0.</summary>
    internal Tensor? Reference { get; }

    private Tensor RelativePartition { get; }

    /// <summary>log(u_i / k_i), (m); -∞ for a skipped anchor.</summary>
    public Tensor LogWeights => field ??= Reference is null ? RelativeWeights : RelativeWeights.sub(Reference);

    /// <summary>log c_i, (m): how many candidates of the population each negative of the batch stands for.</summary>
    public Tensor LogNegativeScale { get; }

    /// <summary>1/k_i, (m), the weight of a positive's similarity; 0 for a skipped anchor.</summary>
    public Tensor PositiveShare { get; }

    /// <summary>log Ẑ_i, (m), the estimate that u_i was drawn with.</summary>
    public Tensor LogPartition => field ??= Reference is null ? RelativePartition : RelativePartition.Plus(Reference);

    /// <summary>
    /// -1/k_i Σ_positives s_ip + log Ẑ_i, (m), what the loss stands for at each anchor; 0 for a skipped one. Null where the weights are of
    /// the caller's own making.
    /// </summary>
    public Tensor? Objective { get; }

    /// <summary>How many of the E-step's anchors were skipped for want of a positive or a negative.</summary>
    public long SkippedAnchors { get; }

    /// <summary>The number of anchors, m.</summary>
    public long Count => RelativeWeights.shape[0];

    /// <summary>
    /// The weights of a run of anchors, for the blocks that hold them. Views of these weights: they live as long as these do, and belong to
    /// the dispose scope around this call, if there is one, whatever scopes they are used in.
    /// </summary>
    /// <param name="first">The first anchor.</param>
    /// <param name="count">How many anchors.</param>
    /// <exception cref="ArgumentOutOfRangeException">The run is not inside these weights.</exception>
    public GammaWeights Rows(long first, long count)
    {
        if (first < 0 || count < 1 || first + count > Count)
            throw new ArgumentOutOfRangeException(
                nameof(count), count, $"anchors {first} to {first + count - 1} are not among the {Count} anchors of these weights");
        var rows = Of(values => values.narrow(0, first, count));
        // Both are kept from the first time they are asked for: asked for here, they are in the scope of the rows and not in that of a block.
        _ = (rows.LogWeights, rows.LogPartition);
        return rows;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in All) tensor.Dispose();
    }

    /// <summary>Tensors of their own, whatever these are views of.</summary>
    internal GammaWeights Copy() => Of(values => values.clone());

    /// <summary>The same without a graph.</summary>
    internal GammaWeights Detach() => Of(values => values.detach());

    internal GammaWeights MoveToOuterDisposeScope()
    {
        foreach (var tensor in All) tensor.MoveToOuterDisposeScope();
        return this;
    }

    private GammaWeights Of(Func<Tensor, Tensor> change) => new(
        change(RelativeWeights),
        change(LogNegativeScale),
        change(PositiveShare),
        change(RelativePartition),
        Reference is null ? null : change(Reference),
        SkippedAnchors,
        Objective is null ? null : change(Objective));

    private IEnumerable<Tensor> All
    {
        get
        {
            Tensor?[] all = [RelativeWeights, RelativePartition, Reference, LogWeights, LogPartition, LogNegativeScale, PositiveShare, Objective];
            return all.OfType<Tensor>().Distinct<object>(ReferenceEqualityComparer.Instance).Cast<Tensor>();
        }
    }

    private static void CheckSameShape(Tensor logWeights, Tensor? other, string name)
    {
        if (other is null) return;
        if (other.dim() != 1 || other.shape[0] != logWeights.shape[0])
            throw new ArgumentException(
                $"{name} must have the shape {Guard.Shape(logWeights)} of logWeights but has {Guard.Shape(other)}", name);
        Guard.SameDevice(logWeights, other, nameof(logWeights), name);
    }
}
