using System.Collections.Immutable;
using Contrastive.Numerics;

namespace Contrastive.Evaluation;

/// <summary>How a <see cref="LinearProbe"/> is fitted. The defaults serve; each can be changed with an initialiser.</summary>
public sealed record LinearProbeOptions
{
    /// <summary>
    /// Whether each feature is shifted and scaled to mean 0 and standard deviation 1 over the rows fitted to, so that the
    /// result does not depend on the features' scale; a constant feature is skipped. Default: true.
    /// </summary>
    public bool Standardize { get; init; } = true;

    /// <summary>
    /// The L2 strengths λ to choose from, each positive and finite, in any order; see <see cref="LinearProbe"/> for what λ
    /// multiplies. A single one is taken without validation. Default: 10⁻⁴, 10⁻³, …, 10².
    /// </summary>
    /// <exception cref="ArgumentException">There are none.</exception>
    /// <exception cref="ArgumentOutOfRangeException">One is not positive and finite.</exception>
    public ImmutableArray<double> Strengths
    {
        get;
        init
        {
            if (value.IsDefaultOrEmpty)
                throw new ArgumentException("Strengths has 0 values but must have at least 1", nameof(Strengths));
            foreach (double strength in value)
                Guard.Positive(strength, nameof(Strengths));
            field = value;
        }
    } = [1e-4, 1e-3, 1e-2, 1e-1, 1, 1e1, 1e2];

    /// <summary>
    /// The strength where nothing can be validated on, because every class has a single row. Range: &gt; 0. Default: 0.01.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive and finite.</exception>
    public double DefaultStrength { get; init => field = Guard.Positive(value, nameof(DefaultStrength)); } = 1e-2;

    /// <summary>
    /// The share of each class's training rows held out to choose the strength, in (0, 1); rounded, and at least one row is
    /// held out and at least one kept. Default: 0.2. Few-shot evaluation cross-validates instead.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not inside (0, 1).</exception>
    public double ValidationShare { get; init => field = Guard.Inside(value, 0, 1, nameof(ValidationShare)); } = 0.2;

    /// <summary>
    /// A fit has converged when no entry of the gradient exceeds this times max(1, objective). Range: &gt; 0. Default: 10⁻⁵.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive and finite.</exception>
    public double Tolerance { get; init => field = Guard.Positive(value, nameof(Tolerance)); } = 1e-5;

    /// <summary>
    /// The most evaluations of objective and gradient that one fit may take, at least 1; a fit that needs more ends
    /// unconverged. Default: 2000.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public int MaximumEvaluations
    {
        get;
        init => field = (int)Guard.AtLeast(value, 1, nameof(MaximumEvaluations));
    } = 2000;
}
