using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// The loss of masked words, with a momentum model's opinion as a share of the targets: the mean over the positions to tell (ALBEF, J. Li et al., NeurIPS 2021,
/// equations 3 and 7, whose KL divergence differs by a constant).
/// </summary>
/// <remarks>
/// <para>
/// $$\ell = (1 - \alpha) \, H(y, \mathrm{softmax}(z)) + \alpha \, H(\mathrm{softmax}(z'), \mathrm{softmax}(z))$$
/// z are the logits, z' the momentum model's, y the words.</para>
/// <para>Where no position is to be told the loss is 0, with gradients of 0. What stands at ignored positions, NaN too, reaches neither value nor gradient.</para>
/// </remarks>
public sealed class MaskedWordLoss : Loss<Tensor, Tensor, Tensor>
{
    /// <summary>The target of a position that is not to be told, as torch's cross_entropy has it.</summary>
    public const long IgnoredIndex = -100;

    /// <summary>Creates the loss.</summary>
    /// <param name="alpha">α at first. Range: 0 ≤ α ≤ 1.</param>
    /// <param name="reduction">None gives one value per position, 0 where it is ignored; mean is over the others.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    public MaskedWordLoss(double alpha = 0, nn.Reduction reduction = nn.Reduction.Mean)
        : base(Guard.Defined(reduction))
        => Alpha = alpha;

    /// <summary>α, the momentum model's share of the targets; see <see cref="MomentumDistillation.Ramp"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not in [0, 1].</exception>
    public double Alpha
    {
        get;
        set => field = Guard.Between(value, 0, 1);
    }

    /// <summary>The loss without a momentum model: α must be 0.</summary>
    /// <param name="logits">z, (…, V), floating point. Half precision is computed in float32.</param>
    /// <param name="targets">(…) integers, the tokens to tell, or <see cref="IgnoredIndex"/>.</param>
    /// <returns>A scalar, or (…) where the reduction is none.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public override Tensor forward(Tensor logits, Tensor targets) => forward(logits, targets, null);

    /// <summary>The loss.</summary>
    /// <param name="logits">z, (…, V), floating point. Half precision is computed in float32.</param>
    /// <param name="targets">(…) integers, the tokens to tell, or <see cref="IgnoredIndex"/>.</param>
    /// <param name="momentumLogits">z', (…, V), the momentum model's, of the same dtype. No gradient goes to them; at α = 0 they are not looked at.</param>
    /// <returns>A scalar, or (…) where the reduction is none.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public Tensor forward(Tensor logits, Tensor targets, Tensor? momentumLogits)
    {
        Guard.Floating(logits);
        ArgumentNullException.ThrowIfNull(targets);
        if (logits.dim() < 2 || logits.shape[^1] == 0)
            throw new ArgumentException($"logits must have the shape (…, V) but have {Guard.Shape(logits)}", nameof(logits));
        if (!targets.shape.AsSpan().SequenceEqual(logits.shape.AsSpan(..^1)))
            throw new ArgumentException($"targets must have the shape ({string.Join(", ", logits.shape.SkipLast(1))}) but have {Guard.Shape(targets)}", nameof(targets));
        Guard.SameDevice(logits, targets);
        if (Alpha > 0)
        {
            if (momentumLogits is null) throw new ArgumentException($"Alpha is {Alpha} but there are no momentumLogits", nameof(momentumLogits));
            if (!momentumLogits.shape.SequenceEqual(logits.shape))
                throw new ArgumentException($"logits have the shape {Guard.Shape(logits)} but momentumLogits have {Guard.Shape(momentumLogits)}", nameof(momentumLogits));
            Guard.Comparable(logits, momentumLogits);
        }

        using var scope = NewDisposeScope();
        var vocabulary = logits.shape[^1];
        var flatTargets = targets.flatten();
        Guard.Integers(flatTargets, flatTargets.shape[0], nameof(targets));
        using var ignored = IgnoredIndex.ToScalar();
        var wide = flatTargets.to(ScalarType.Int64);
        var positions = wide.ne(ignored).nonzero().squeeze(1);
        var wanted = wide.index_select(0, positions);
        ClassCrossEntropy.CheckClasses(wanted, vocabulary, nameof(targets));
        // Those to tell alone: of what is ignored nothing is worked out.
        var logProbabilities = UnitRows.Widen(logits.reshape(-1, vocabulary).index_select(0, positions)).log_softmax(1);
        var losses = logProbabilities.gather(1, wanted.unsqueeze(1)).squeeze(1).neg();
        if (Alpha > 0)
        {
            var soft = UnitRows.Widen(momentumLogits!.detach().reshape(-1, vocabulary).index_select(0, positions)).softmax(1);
            losses = losses.Times(1 - Alpha).Plus(soft.mul(logProbabilities).sum(dim: 1).Times(-Alpha));
        }
        var loss = reduction switch
        {
            nn.Reduction.None => zeros([flatTargets.shape[0]], dtype: losses.dtype, device: losses.device).index_add(0, positions, losses, Scalars.One).view(targets.shape),
            nn.Reduction.Sum => losses.SumAll(),
            _ => losses.SumAll().Times(1.0 / Math.Max(1, positions.shape[0])),
        };
        return loss.MoveToOuterDisposeScope();
    }
}
