using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// Deep feature separation: each modality keeps, beside the shared features, independent ones that are orthogonal to them,
/// tell items apart, and spread out (Jiang et al. 2023, section 3.2).
/// </summary>
/// <remarks>
/// <para>
/// $$L_{\mathrm{Sep}} = L_{\mathrm{Ortho}} + L^i_{\mathrm{Con}} + L^i_{\mathrm{Uni}}$$
/// $$L_{\mathrm{Ortho}} = \frac{1}{N} \sum_j \left( \langle v_j, v^i_j \rangle^2 + \langle t_j, t^i_j \rangle^2 \right)$$
/// $$L^i_{\mathrm{Uni}} = \log \frac{1}{N} \sum_j \sum_k \left[ G(v^i_j, v^i_k) + G(t^i_j, t^i_k) \right], \qquad
/// G(x, y) = \exp\!\left( -t \, \lVert x - y \rVert^2 \right)$$
/// </para>
/// <para>L^i_Con = L^i_V2V + L^i_T2T, in-modal InfoNCE of the independent features with those of the augmentation. As
/// printed, the positive of v^i_j is itself and the denominator runs over v^i_k: then it needs no augmentation.</para>
/// <para>1/N² instead of 1/N in L^i_Uni would change it by the constant log N. It never needs N² memory: see <see cref="UniformityLoss"/>.</para>
/// <para>Terms: <c>orthogonality</c>, <c>contrast.first</c>, <c>contrast.second</c>, <c>uniformity</c>. All features are
/// normalised. A term of weight 0 is not computed. Needs the independent features of both modalities and, unless as printed, those
/// of the augmentation.</para>
/// </remarks>
public sealed class FeatureSeparationLoss : ModalityLoss
{
    private readonly InfoNCELoss contrast;
    private readonly UniformityLoss uniformity;

    /// <summary>Creates the loss.</summary>
    /// <param name="temperature">τ of the contrast; fixed at 0.1 by default.</param>
    /// <param name="denominator">The form of the contrast.</param>
    /// <param name="orthogonalityWeight">The weight of L_Ortho. Range: ≥ 0.</param>
    /// <param name="contrastWeight">The weight of L^i_Con. Range: ≥ 0.</param>
    /// <param name="uniformityWeight">The weight of L^i_Uni. Range: ≥ 0.</param>
    /// <param name="kernelT">t, the sharpness of the uniformity's kernel. Range: t > 0.</param>
    /// <param name="missingPairs">What the contrast does with an item that has no negative (a batch of one).</param>
    /// <exception cref="ArgumentException">A value is out of range, or every weight is 0.</exception>
    public FeatureSeparationLoss(
        Temperature? temperature = null,
        InModalDenominator denominator = InModalDenominator.Augmented,
        double orthogonalityWeight = 1,
        double contrastWeight = 1,
        double uniformityWeight = 1,
        double kernelT = 2,
        MissingPairs missingPairs = MissingPairs.Throw)
    {
        OrthogonalityWeight = Guard.Weight(orthogonalityWeight);
        ContrastWeight = Guard.Weight(contrastWeight);
        UniformityWeight = Guard.Weight(uniformityWeight);
        KernelT = Guard.Positive(kernelT);
        Denominator = Guard.Defined(denominator);
        if (orthogonalityWeight == 0 && contrastWeight == 0 && uniformityWeight == 0)
            throw new ArgumentException("every weight is 0", nameof(orthogonalityWeight));
        contrast = InModalContrast.Create(Denominator, temperature, SimilarityMeasure.Cosine, missingPairs);
        register_module("contrast", contrast);
        uniformity = new UniformityLoss(KernelT, selfPairs: true);
        register_module("uniformity", uniformity);
    }

    /// <summary>The form of the contrast.</summary>
    public InModalDenominator Denominator { get; }

    /// <summary>The weight of L_Ortho.</summary>
    public double OrthogonalityWeight { get; }

    /// <summary>The weight of L^i_Con.</summary>
    public double ContrastWeight { get; }

    /// <summary>The weight of L^i_Uni.</summary>
    public double UniformityWeight { get; }

    /// <summary>t, the sharpness of the uniformity's kernel.</summary>
    public double KernelT { get; }

    /// <summary>How the pairs of the contrast and of the uniformity are worked through.</summary>
    /// <exception cref="ArgumentNullException">The value is null.</exception>
    public Tiling Tiling
    {
        get => contrast.Tiling;
        set => contrast.Tiling = uniformity.Tiling = value;
    }

    /// <inheritdoc/>
    protected override FeatureKinds FirstNeeds => Denominator == InModalDenominator.AsPrinted || ContrastWeight == 0
        ? FeatureKinds.Independent : FeatureKinds.Independent | FeatureKinds.IndependentAugmented;

    /// <inheritdoc/>
    protected override FeatureKinds SecondNeeds => FirstNeeds;

    /// <inheritdoc/>
    protected internal override ModalityResult Compute(ModalityBatch batch) => ModalityResult.Sum(Terms(batch));

    private IEnumerable<ModalityTerm> Terms(ModalityBatch batch)
    {
        var (first, second) = (batch.First, batch.Second);
        if (OrthogonalityWeight > 0)
            yield return new ModalityTerm("orthogonality", OrthogonalityWeight, Orthogonality(batch, first).Plus(Orthogonality(batch, second)));
        if (ContrastWeight > 0)
        {
            yield return ModalityTerm.Of("contrast.first", ContrastWeight, Contrast(first, batch.SampleIds));
            yield return ModalityTerm.Of("contrast.second", ContrastWeight, Contrast(second, batch.SampleIds));
        }
        if (UniformityWeight == 0) yield break;
        // log 1/N (Σ_v + Σ_t) of the logarithms of the means Σ_v / N² and Σ_t / N².
        var spread = uniformity.forward(first.Independent!).logaddexp(uniformity.forward(second.Independent!));
        yield return new ModalityTerm("uniformity", UniformityWeight, spread.Plus(Math.Log(first.Independent!.shape[0])));
    }

    /// <summary>mean_j ⟨v_j, v^i_j⟩²: zero where shared and independent features are orthogonal.</summary>
    private static Tensor Orthogonality(ModalityBatch batch, ModalityFeatures features)
        => batch.Unit(features.Shared).mul(batch.Unit(features.Independent!)).sum(dim: 1).Square().mean();

    private ContrastiveResult Contrast(ModalityFeatures features, Tensor? sampleIds) => InModalContrast.Of(
        contrast, features.Independent!, Denominator == InModalDenominator.Augmented ? features.IndependentAugmented! : features.Independent!, sampleIds);
}
