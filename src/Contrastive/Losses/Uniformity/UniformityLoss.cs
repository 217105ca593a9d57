using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Uniformity: how far features are from spread evenly over the sphere, as a loss to minimise (T. Wang and P. Isola,
/// "Understanding Contrastive Representation Learning through Alignment and Uniformity on the Hypersphere", ICML 2020, §4.1.2).
/// </summary>
/// <remarks>
/// <para>
/// $$\log \operatorname*{mean}_{j \ne k} \exp\!\left( -t \, \lVert x_j - x_k \rVert^2 \right)$$
/// </para>
/// <para>Rows are divided by their length; a zero row stays at the origin and takes no gradient. NaN gives NaN. Half precision is
/// computed in float32. It takes memory O(N · D) and <see cref="Tiling"/>'s budget and can be differentiated once, unless
/// <see cref="Tiling.DensePairs"/> asks for the whole matrix.</para>
/// </remarks>
/// <example>
/// <code>
/// using var uniformity = new UniformityLoss();
/// (alignment + uniformity.forward(features)).backward();
/// </code>
/// </example>
public sealed class UniformityLoss : nn.Module<Tensor, Tensor>
{
    /// <summary>Creates the loss.</summary>
    /// <param name="t">The sharpness of the kernel. Range: t > 0.</param>
    /// <param name="selfPairs">Whether the pairs of rows with themselves, 1 each, count in the mean: then it is over all N² pairs.</param>
    /// <exception cref="ArgumentOutOfRangeException">t is not positive and finite.</exception>
    public UniformityLoss(double t = 2, bool selfPairs = false)
        : base(nameof(UniformityLoss))
    {
        T = Guard.Positive(t);
        SelfPairs = selfPairs;
    }

    /// <summary>The sharpness of the kernel.</summary>
    public double T { get; }

    /// <summary>Whether the pairs of rows with themselves count.</summary>
    public bool SelfPairs { get; }

    /// <summary>How the pairs are worked through.</summary>
    /// <exception cref="ArgumentNullException">The value is null.</exception>
    public Tiling Tiling
    {
        get;
        set => field = value ?? throw new ArgumentNullException(nameof(value));
    } = Tiling.Default;

    /// <summary>The uniformity of one set of features.</summary>
    /// <param name="x">(N, D), N ≥ 2, or N ≥ 1 where self-pairs count.</param>
    /// <returns>A scalar, at most 0 and at least -4t.</returns>
    /// <exception cref="ArgumentException"><paramref name="x"/> is no matrix of floating-point numbers, or has too few rows.</exception>
    public override Tensor forward(Tensor x) => UniformityEquation.Of(x, T, SelfPairs, Tiling);
}
