using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// The contrastive loss of two modalities in its four parts (Jiang et al., "Understanding and Constructing Latent Modality Structures in Multi-modal Representation Learning",
/// CVPR 2023, section 3.1).
/// </summary>
/// <remarks>
/// <para>
/// $$L_{\mathrm{Con}} = \tfrac14 \left( L_{\mathrm{V2T}} + L_{\mathrm{T2V}} + L_{\mathrm{V2V}} + L_{\mathrm{T2T}} \right)$$
/// </para>
/// <para>The cross-modal part, ½ (L_V2T + L_T2V), is the loss the caller brings: a symmetric <see cref="InfoNCELoss"/>, or a
/// symmetric <see cref="GammaContrastiveLoss"/>, whose objective is then reported as the term's value. The in-modal parts are
/// InfoNCE of the features with their augmentations.</para>
/// <para>Terms: <c>cross_modal</c> (weight ½), <c>in_modal.first</c> and <c>in_modal.second</c> (weight ¼ each). Needs the
/// shared features and, unless the in-modal parts are off, their augmentations.</para>
/// </remarks>
public sealed class MultimodalContrastiveLoss : ModalityLoss
{
    private readonly InfoNCELoss? inModal;

    /// <summary>Creates the loss.</summary>
    /// <param name="crossModal">
    /// The cross-modal part: symmetric, with mean reduction. Its similarity, its tiling and what it does with missing pairs hold
    /// for the in-modal parts as well.
    /// </param>
    /// <param name="inModalTemperature">τ of the in-modal parts; by default the cross-modal part's, shared with it.</param>
    /// <param name="denominator">Over which features the in-modal denominators run.</param>
    /// <param name="includeInModal">Whether there are in-modal parts; without them the loss is the cross-modal part alone.</param>
    /// <exception cref="ArgumentException">The cross-modal part is not symmetric, or its reduction is not the mean.</exception>
    public MultimodalContrastiveLoss(
        ContrastiveLoss crossModal,
        Temperature? inModalTemperature = null,
        InModalDenominator denominator = InModalDenominator.Augmented,
        bool includeInModal = true)
    {
        ArgumentNullException.ThrowIfNull(crossModal);
        if (crossModal.reduction != nn.Reduction.Mean)
            throw new ArgumentException($"crossModal must have the reduction Mean, as the other parts, but has {crossModal.reduction}", nameof(crossModal));
        if (crossModal.Mode != ContrastMode.Symmetric)
            throw new ArgumentException(
                $"crossModal must have the mode {ContrastMode.Symmetric}, as L_Con has both directions, but has {crossModal.Mode}", nameof(crossModal));
        CrossModal = crossModal;
        Denominator = Guard.Defined(denominator);
        IncludeInModal = includeInModal;
        register_module("cross_modal", CrossModal);
        if (!includeInModal) return;
        inModal = InModalContrast.Create(Denominator, inModalTemperature ?? crossModal.Temperature, crossModal.Similarity, crossModal.MissingPairs);
        register_module("in_modal", inModal);
    }

    /// <summary>The cross-modal part.</summary>
    public ContrastiveLoss CrossModal { get; }

    /// <summary>Over which features the in-modal denominators run.</summary>
    public InModalDenominator Denominator { get; }

    /// <summary>Whether there are in-modal parts.</summary>
    public bool IncludeInModal { get; }

    /// <inheritdoc/>
    protected override FeatureKinds FirstNeeds => IncludeInModal ? FeatureKinds.Augmented : FeatureKinds.None;

    /// <inheritdoc/>
    protected override FeatureKinds SecondNeeds => FirstNeeds;

    /// <inheritdoc/>
    protected internal override ModalityResult Compute(ModalityBatch batch)
    {
        var terms = new List<ModalityTerm>();
        if (inModal is not null)
        {
            inModal.Tiling = CrossModal.Tiling;
            terms.Add(ModalityTerm.Of("in_modal.first", 0.25, InModal(batch.First)));
            terms.Add(ModalityTerm.Of("in_modal.second", 0.25, InModal(batch.Second)));
        }
        // Last, because it may keep state, which must not change if anything before it fails.
        var cross = CrossModal.Evaluate(batch.First.Shared, batch.Second.Shared, batch.SampleIds);
        return ModalityResult.Sum([.. terms, ModalityTerm.Of("cross_modal", inModal is null ? 1 : 0.5, cross)]);

        ContrastiveResult InModal(ModalityFeatures features) => InModalContrast.Of(inModal!, features.Shared, features.Augmented!, batch.SampleIds);
    }
}
