using Contrastive.Numerics;

namespace Contrastive;

/// <summary>What of InfoNCE's denominator and numerator is not as first published, checked.</summary>
/// <param name="Decoupled">Whether positives leave the denominator.</param>
/// <param name="MisesFisherSigma">σ of the positives' weights; null for no weights.</param>
/// <param name="HardNegatives">How negatives are weighted; null for not at all.</param>
internal readonly record struct InfoNCEVariant(bool Decoupled, double? MisesFisherSigma, HardNegatives? HardNegatives)
{
    /// <summary>Refuses settings that have no meaning together.</summary>
    public static InfoNCEVariant Of(bool decoupled, double? misesFisherSigma, HardNegatives? hardNegatives, SimilarityMeasure similarity)
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
        return new InfoNCEVariant(decoupled, misesFisherSigma, hardNegatives);
    }

    /// <summary>β of the negatives' weights; null for none.</summary>
    public double? Hardness => HardNegatives?.Beta;

    /// <summary>Refuses pairs that have no meaning with the settings.</summary>
    public void Check(PairMap pairs, PositiveSum positiveSum)
    {
        if (MisesFisherSigma is { } sigma && pairs.PositiveDiagonals is null)
            throw new ArgumentException(
                $"misesFisherSigma is {sigma}, which weighs the one positive of each anchor, but the pair map may have several: "
                + $"it takes {nameof(PairMap)}.{nameof(PairMap.Diagonal)} or {nameof(PairMap.TwoViews)}",
                nameof(pairs));
    }
}
