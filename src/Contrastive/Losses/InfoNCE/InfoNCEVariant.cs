using Contrastive.Numerics;

namespace Contrastive;

/// <summary>What of InfoNCE's denominator and numerator is not as first published, checked.</summary>
/// <param name="Decoupled">Whether positives leave the denominator.</param>
/// <param name="MisesFisherSigma">σ of the positives' weights; null for no weights.</param>
/// <param name="HardNegatives">How negatives are weighted; null for not at all.</param>
/// <param name="LabelSmoothing">ε.</param>
internal readonly record struct InfoNCEVariant(bool Decoupled, double? MisesFisherSigma, HardNegatives? HardNegatives, double LabelSmoothing)
{
    /// <summary>Refuses settings that have no meaning together.</summary>
    public static InfoNCEVariant Of(
        bool decoupled,
        double? misesFisherSigma,
        HardNegatives? hardNegatives,
        double labelSmoothing,
        SimilarityMeasure similarity,
        PositiveSum positiveSum)
    {
        if (misesFisherSigma is { } sigma)
        {
            Guard.Positive(sigma, nameof(misesFisherSigma));
            if (!decoupled)
                throw new ArgumentException(
                    $"misesFisherSigma is {sigma} but decoupled is false: positives are weighted where they are not in the denominator (DCL-W)",
                    nameof(misesFisherSigma));
        }
        if (hardNegatives is { PositivePrior: > 0 } && similarity != SimilarityMeasure.Cosine)
            throw new ArgumentException(
                $"hardNegatives have the prior {hardNegatives.PositivePrior} but similarity is {similarity}: only of cosines the least similarity is known, "
                + "which the debiased sum is kept above",
                nameof(hardNegatives));
        if (labelSmoothing != 0) Guard.Inside(labelSmoothing, 0, 1);
        var variant = new InfoNCEVariant(decoupled, misesFisherSigma, hardNegatives, labelSmoothing);
        if (labelSmoothing > 0) variant.CheckTargets($"labelSmoothing is {labelSmoothing}", positiveSum, nameof(labelSmoothing));
        return variant;
    }

    /// <summary>Whether it is the one first published.</summary>
    public bool IsStandard => !Decoupled && HardNegatives is null && LabelSmoothing == 0;

    /// <summary>β of the negatives' weights; null for none.</summary>
    public double? Hardness => HardNegatives?.Beta;

    /// <summary>Refuses pairs that have no meaning with the settings.</summary>
    public void Check(PairMap pairs, PositiveSum positiveSum)
    {
        if (pairs.HasTargets) CheckTargets("the pair map has target probabilities", positiveSum, nameof(pairs));
        if (MisesFisherSigma is { } sigma && pairs.PositiveDiagonals is null)
            throw new ArgumentException(
                $"misesFisherSigma is {sigma}, which weighs the one positive of each anchor, but the pair map may have several: "
                + $"it takes {nameof(PairMap)}.{nameof(PairMap.Diagonal)} or {nameof(PairMap.TwoViews)}",
                nameof(pairs));
    }

    /// <summary>Refuses explicit negatives, of which there are no targets.</summary>
    public void CheckNegatives()
    {
        if (LabelSmoothing > 0)
            throw new InvalidOperationException(
                $"labelSmoothing is {LabelSmoothing}, which spreads over the candidates of a batch: there is no smoothing over explicit negatives");
    }

    /// <summary>Targets are those of a cross-entropy: of all candidates, the positives outside the logarithm.</summary>
    private void CheckTargets(string what, PositiveSum positiveSum, string name)
    {
        var other = Decoupled ? "decoupled is true: targets are a distribution over all candidates of the denominator, positives among them"
            : HardNegatives is not null ? "there are hardNegatives: with targets every candidate is a positive in part"
            : positiveSum == PositiveSum.InsideLog ? $"positiveSum is {positiveSum}: targets weigh logarithms"
            : null;
        if (other is not null) throw new ArgumentException($"{what}, but {other}", name);
    }
}
