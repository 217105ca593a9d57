using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The rows of both sides as matrix products take them, s_ij = ⟨<see cref="Left"/>_i, <see cref="Right"/>_j⟩, without a graph; the
/// gradients by them, which whoever multiplies them adds up; and the way back to the caller's features and temperature.
/// </summary>
internal sealed class ProductRows
{
    /// <summary>Sides with no more numbers than this are prepared as one matrix: half the native calls, for a copy that costs less.</summary>
    private const long JointElements = 1 << 15;

    private static readonly Scalar ThreeHalves = 1.5.ToScalar();

    private readonly FeatureRows _anchors;
    private readonly FeatureRows _candidates;
    private readonly LogitScale _scale;

    // Both sides below each other, with their graph, and the gradient by their unit rows.
    private readonly FeatureRows? _joint;
    private readonly Tensor? _byJoint;
    private Tensor? _leftOut;

    /// <param name="anchors">(N, D).</param>
    /// <param name="candidates">(M, D).</param>
    /// <param name="scale">1/τ.</param>
    /// <param name="isSelf">Whether the right side is the anchors as well, and its gradient goes into that of the left.</param>
    /// <param name="needsLeft">Whether a gradient by the left side is wanted.</param>
    /// <param name="needsRight">Whether one by the right side is.</param>
    public ProductRows(FeatureRows anchors, FeatureRows candidates, LogitScale scale, bool isSelf, bool needsLeft, bool needsRight)
    {
        (_anchors, _candidates, _scale, IsSelf) = (anchors, candidates, scale, isSelf);
        if (!isSelf && FeatureRows.Join(anchors, candidates, JointElements) is { } joint)
        {
            _joint = joint;
            var (first, second) = (anchors.Features.size(0), candidates.Features.size(0));
            using var without = no_grad();
            var unit = joint.Constant;
            (Left, Right) = (scale.Of(unit.narrow(0, 0, first)), unit.narrow(0, first, second));
            if (!needsLeft && !needsRight) return;
            _byJoint = zeros_like(unit);
            (ByLeft, ByRight) = (_byJoint.narrow(0, 0, first), _byJoint.narrow(0, first, second));
            return;
        }
        Right = candidates.Constant;
        Left = isSelf ? scale.Of(Right) : anchors.Times(scale);
        using var constant = no_grad();
        if (needsLeft) ByLeft = Workspace.ZerosLike(Left);
        if (needsRight) ByRight = Workspace.ZerosLike(Right);
    }

    /// <summary>The anchors, (N, D), with the scale 1/τ in them.</summary>
    public Tensor Left { get; }

    /// <summary>The candidates, (M, D), without.</summary>
    public Tensor Right { get; }

    /// <summary>∂L/∂ <see cref="Left"/>, added to; of a set with itself that of both sides. Null where it is not wanted.</summary>
    public Tensor? ByLeft { get; }

    /// <summary>∂L/∂ <see cref="Right"/>, added to; null where it is not wanted.</summary>
    public Tensor? ByRight { get; }

    /// <summary>Whether all rows are finite. Waits for the device.</summary>
    public bool AreFinite => _joint is not null
        ? FeatureRows.AreFinite(_joint.Constant)
        : FeatureRows.AreFinite(_anchors.Features) && (IsSelf || FeatureRows.AreFinite(_candidates.Features));

    /// <summary>Whether both sides are one set, whose gradient is added up on the left.</summary>
    public bool IsSelf { get; }

    /// <summary>Takes a part of the derivative by log(1/τ) out: that of what was added to the gradients but has no temperature, ().</summary>
    public void LeaveOut(Tensor byScale)
    {
        var all = _leftOut is null ? byScale : _leftOut.Plus(byScale);
        _leftOut = all.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// <paramref name="share"/> times a value, (), with the gradients that were added up, and those by a loss's own inputs, as autograd
    /// sees it. Once.
    /// </summary>
    /// <remarks>
    /// It is the sum of ⟨x, g⟩ over the inputs x and their gradients g, so its derivatives are the g; the value takes its place.
    /// So nothing runs in autograd but torch's own operations. A second derivative would miss how g changes, so it is spoilt:
    /// the power of 3/2 has the derivative 0 at 0, and an infinite second one.
    /// </remarks>
    public Tensor Attach(Tensor value, double share, ReadOnlySpan<(Tensor Input, Tensor Derivative)?> own)
    {
        var term = Terms(own);
        using (no_grad()) term.zero_();
        using var factor = share.ToScalar();
        term = term.pow(ThreeHalves).add(term, factor);
        using (no_grad()) return term.add_(value, factor);
    }

    /// <summary>Σ ⟨x, g⟩ over features and temperature, (1), with a graph to them. Once.</summary>
    public Tensor Term() => Terms([]).reshape(1);

    /// <summary>Σ ⟨x, g⟩ over the loss's own inputs, features and temperature, (), with a graph to them.</summary>
    private Tensor Terms(ReadOnlySpan<(Tensor Input, Tensor Derivative)?> own)
    {
        Tensor? sum = null;
        foreach (var leaf in own)
        {
            if (leaf is var (input, derivative) && input.requires_grad) Add(input.dot(derivative));
        }
        PullBack(Add);
        return sum!;

        void Add(Tensor part) => sum = sum is null ? part : sum.Plus(part);
    }

    /// <summary>Gives ⟨x, g⟩ of features and temperature, each with its graph.</summary>
    private void PullBack(Action<Tensor> add)
    {
        var wantsScale = _scale.RequiresGradient;
        if (_joint is not null)
        {
            if (_byJoint is null) return;
            using (no_grad()) _scale.Apply_(ByLeft!);
            var byScale = _joint.PullBack(_byJoint, _joint.Constant, null, wantsScale ? ByLeft!.size(0) : 0);
            if (byScale is not null) add(_scale.DotGradient(Kept(byScale)));
            if (_joint.RequiresGradient) add(_joint.DotGradient(_byJoint));
            return;
        }
        if (ByLeft is not null)
        {
            var byScale = _anchors.PullBack(ByLeft, Left, _scale, wantsScale ? ByLeft.size(0) : 0);
            // Of a set with itself the gradient is that of both sides, and each similarity has the scale once.
            if (byScale is not null) add(_scale.DotGradient(Kept(IsSelf ? byScale.mul(Scalars.Half) : byScale)));
            if (_anchors.RequiresGradient) add(_anchors.DotGradient(ByLeft));
        }
        if (ByRight is null) return;
        _candidates.PullBack(ByRight, Right, null, scaled: 0);
        add(_candidates.DotGradient(ByRight));

        Tensor Kept(Tensor byScale) => _leftOut is null ? byScale : byScale.sub(_leftOut);
    }
}
