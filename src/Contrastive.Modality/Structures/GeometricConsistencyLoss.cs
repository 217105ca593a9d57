using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// Geometric consistency: similarities mirror each other within and across the modalities, and before and after augmentation
/// (Jiang et al. 2023, section 3.4; without the augmentations Goel et al., "CyCLIP", NeurIPS 2022).
/// </summary>
/// <remarks>
/// <para>
/// $$L_{\mathrm{GC}} = \frac{1}{N} \sum_{jk} \left[ (\langle v_j, t_k \rangle - \langle v_k, t_j \rangle)^2
/// + (\langle v_j, v_k \rangle - \langle t_j, t_k \rangle)^2 \right]$$
/// $$L^a_{\mathrm{GC}} = \frac{1}{N} \sum_{jk} \left[ (\langle v_j, v_k \rangle - \langle v^a_j, v^a_k \rangle)^2
/// + (\langle t_j, t_k \rangle - \langle t^a_j, t^a_k \rangle)^2 \right]$$
/// $$\qquad\qquad + \frac{1}{N} \sum_j (\langle v_j, t_j \rangle - \langle v^a_j, t^a_j \rangle)^2$$
/// </para>
/// <para>L_GC has the cross-modal and the in-modal part, L^a_GC what augmentation should not change.</para>
/// <para>Where the batch is large against the features (N > 3 D) the sums come from D × D Gram matrices, in O(N D²) time and
/// without any N × N matrix, else from the pairs; both are accurate where the modalities nearly agree.</para>
/// <para>Terms: <c>cross_modal</c>, <c>in_modal</c> and, with augmentation, <c>augmented.first</c>, <c>augmented.second</c>
/// and <c>augmented.pairs</c>; what has weight 0 is not computed. Features are normalised.</para>
/// </remarks>
public sealed class GeometricConsistencyLoss : ModalityLoss
{
    /// <summary>Creates the loss. CyCLIP's is <c>new(0.25, 0.25, augmentedWeight: 0)</c>.</summary>
    /// <param name="crossModalWeight">The weight of the cross-modal part of L_GC. Range: ≥ 0.</param>
    /// <param name="inModalWeight">The weight of the in-modal part of L_GC. Range: ≥ 0.</param>
    /// <param name="augmentedWeight">The weight of L^a_GC; with 0, no augmentation is needed. Range: ≥ 0.</param>
    /// <param name="normalization">What the sums over pairs are divided by.</param>
    /// <exception cref="ArgumentException">A value is out of range, or every weight is 0.</exception>
    public GeometricConsistencyLoss(
        double crossModalWeight = 1,
        double inModalWeight = 1,
        double augmentedWeight = 1,
        PairNormalization normalization = PairNormalization.Items)
    {
        CrossModalWeight = Guard.Weight(crossModalWeight);
        InModalWeight = Guard.Weight(inModalWeight);
        AugmentedWeight = Guard.Weight(augmentedWeight);
        Normalization = Guard.Defined(normalization);
        if (crossModalWeight == 0 && inModalWeight == 0 && augmentedWeight == 0)
            throw new ArgumentException("every weight is 0", nameof(crossModalWeight));
    }

    /// <summary>The weight of the cross-modal part of L_GC.</summary>
    public double CrossModalWeight { get; }

    /// <summary>The weight of the in-modal part of L_GC.</summary>
    public double InModalWeight { get; }

    /// <summary>The weight of L^a_GC.</summary>
    public double AugmentedWeight { get; }

    /// <summary>What the sums over pairs are divided by.</summary>
    public PairNormalization Normalization { get; }

    /// <inheritdoc/>
    protected override FeatureKinds FirstNeeds => AugmentedWeight > 0 ? FeatureKinds.Augmented : FeatureKinds.None;

    /// <inheritdoc/>
    protected override FeatureKinds SecondNeeds => FirstNeeds;

    /// <inheritdoc/>
    protected internal override ModalityResult Compute(ModalityBatch batch)
    {
        var (v, t) = (batch.Unit(batch.First.Shared), batch.Unit(batch.Second.Shared));
        var count = (double)v.shape[0];
        var perPair = 1 / (Normalization == PairNormalization.Items ? count : count * count);

        var (sum, terms) = (new List<Tensor>(), new List<ModalityTerm>());
        var modalities = new GeometryEquation(v, t);
        if (CrossModalWeight == InModalWeight && CrossModalWeight > 0)
        {
            // With equal weights the two parts need not be told apart, which costs less and cancels nothing.
            sum.Add(modalities.Sum.Times(CrossModalWeight * perPair));
            if (batch.WantsTerms)
            {
                using var constant = no_grad();
                Report("cross_modal", CrossModalWeight, modalities.Between.Times(perPair));
                Report("in_modal", InModalWeight, modalities.Within.Times(perPair));
            }
        }
        else
        {
            if (CrossModalWeight > 0) Add("cross_modal", CrossModalWeight, modalities.Between.Times(perPair));
            if (InModalWeight > 0) Add("in_modal", InModalWeight, modalities.Within.Times(perPair));
        }
        if (AugmentedWeight > 0)
        {
            var (va, ta) = (batch.Unit(batch.First.Augmented!), batch.Unit(batch.Second.Augmented!));
            Add("augmented.first", AugmentedWeight, new GeometryEquation(v, va).Within.Times(perPair));
            Add("augmented.second", AugmentedWeight, new GeometryEquation(t, ta).Within.Times(perPair));
            Add("augmented.pairs", AugmentedWeight, ChangeOfPairs(v, t, va, ta).Square().mean());
        }
        return new ModalityResult(sum.Aggregate((total, part) => total.Plus(part)), terms);

        void Add(string name, double weight, Tensor value)
        {
            sum.Add(value.Times(weight));
            Report(name, weight, value);
        }

        void Report(string name, double weight, Tensor value) => terms.Add(new ModalityTerm(name, weight, value));
    }

    /// <summary>
    /// ⟨v,t⟩ - ⟨v^a,t^a⟩ of each item. Of unit rows it is ½ (‖q‖² - ‖p‖²) = ½ ⟨q - p, q + p⟩ with p = v - t, q = v^a - t^a, which
    /// loses no digits where all four nearly agree; a zero row's missing length is added.
    /// </summary>
    private static Tensor ChangeOfPairs(Tensor v, Tensor t, Tensor va, Tensor ta)
    {
        var (p, q) = (v.sub(t), va.sub(ta));
        var change = va.sub(v).sub(ta.sub(t)).mul(q.Plus(p)).sum(dim: 1);
        return change.Plus(Length(v).Plus(Length(t)).sub(Length(va)).sub(Length(ta))).mul(Scalars.Half);

        static Tensor Length(Tensor unit) => unit.detach().Square().sum(dim: 1).round();
    }
}

/// <summary>What a sum over all pairs of N items is divided by.</summary>
public enum PairNormalization
{
    /// <summary>N, as published (and in CyCLIP): the loss grows with the batch, as many pairs as an item has.</summary>
    Items,

    /// <summary>N²: a mean over pairs, the same at any batch size.</summary>
    Pairs,
}
