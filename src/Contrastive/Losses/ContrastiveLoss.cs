using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>A loss that draws anchors to their positives among the candidates and away from the negatives.</summary>
public abstract class ContrastiveLoss : Loss<Tensor, Tensor, Tensor>
{
    private protected ContrastiveLoss(
        Temperature? temperature, SimilarityMeasure similarity, MissingPairs missingPairs, nn.Reduction reduction)
        : base(reduction)
    {
        Temperature = temperature ?? Temperature.Fixed(0.1);
        Similarity = similarity;
        MissingPairs = missingPairs;
        register_module("temperature", Temperature);
    }

    /// <summary>The temperature that similarities are divided by.</summary>
    public Temperature Temperature { get; }

    /// <summary>How features are compared.</summary>
    public SimilarityMeasure Similarity { get; }

    /// <summary>What happens to an anchor without a positive or without a negative.</summary>
    public MissingPairs MissingPairs { get; }

    /// <summary>The loss of a batch, with what belongs to it.</summary>
    /// <param name="anchors">(N, D), float16, bfloat16, float32 or float64. Half precision is computed in float32.</param>
    /// <param name="candidates">(M, D), of the same dtype and device.</param>
    /// <param name="sampleIds">
    /// (N) integers, the index of the sample that anchor i is. Where N = M, candidate i is the same sample, and rows of one
    /// sample are never negatives of each other; else give the map the candidates' ids.
    /// </param>
    /// <param name="pairs">Which candidate is which anchor's positive. By default row i belongs to row i, and N = M.</param>
    /// <returns>The loss, the objective it stands for and the number of anchors left out.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public abstract ContrastiveResult Evaluate(Tensor anchors, Tensor candidates, Tensor? sampleIds = null, PairMap? pairs = null);

    /// <summary>The loss of a batch whose row i belongs to row i.</summary>
    /// <param name="anchors">(N, D).</param>
    /// <param name="candidates">(N, D).</param>
    /// <returns>A scalar, or (N) where the reduction is none.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public override Tensor forward(Tensor anchors, Tensor candidates) => forward(anchors, candidates, null);

    /// <summary>The loss of a batch.</summary>
    /// <inheritdoc cref="Evaluate" path="/param"/>
    /// <returns>A scalar, or (N) where the reduction is none.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public Tensor forward(Tensor anchors, Tensor candidates, Tensor? sampleIds, PairMap? pairs = null)
    {
        var result = Evaluate(anchors, candidates, sampleIds, pairs);
        result.Objective.Dispose();
        return result.Loss;
    }

    /// <summary>Every check of the features that all losses share.</summary>
    private protected void CheckFeatures(Tensor anchors, Tensor candidates)
    {
        Guard.Features(anchors);
        Guard.Features(candidates);
        Guard.Comparable(anchors, candidates);
        Temperature.CheckDevice(anchors, nameof(anchors));
    }

    /// <summary>The map to use: the caller's, or the diagonal, with the sample ids worked in.</summary>
    private protected static PairMap Resolve(PairMap? pairs, Tensor anchors, Tensor candidates, Tensor? sampleIds)
    {
        if (pairs is null) Guard.SameRows(anchors, candidates);
        if (anchors.shape[0] == 0) throw new ArgumentException("anchors have no rows", nameof(anchors));
        pairs ??= PairMap.Diagonal(anchors.shape[0]);
        if (sampleIds is not null)
        {
            Guard.Integers(sampleIds, anchors.shape[0]);
            Guard.SameDevice(anchors, sampleIds);
            // Without a repeated sample the ids exclude nothing, and the map may stay a plain diagonal, which needs no masks.
            if (pairs.AnchorCount == pairs.CandidateCount && SampleGroups.HasRepeats(sampleIds))
                pairs = pairs.WithSampleIds(sampleIds);
        }
        pairs.Check(anchors, candidates, nameof(anchors), nameof(candidates));
        return pairs;
    }
}
