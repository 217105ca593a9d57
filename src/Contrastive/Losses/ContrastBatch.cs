using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>A batch as a loss contrasts it: who is an anchor, who a candidate, and what is said of their pairs.</summary>
/// <param name="Anchors">(N, D); with two views the rows of both, (2N, D).</param>
/// <param name="Candidates">(M, D); with two views the same rows.</param>
/// <param name="SampleIds">The samples of the anchors, if given.</param>
/// <param name="CandidateIds">The samples of the candidates, if given.</param>
/// <param name="Map">The caller's map, or the one of the mode, with the sample ids worked in.</param>
/// <param name="HasDistinctIds">Whether it was found that no sample has several rows on either side.</param>
internal readonly record struct ContrastBatch(
    Tensor Anchors, Tensor Candidates, Tensor? SampleIds, Tensor? CandidateIds, PairMap Map, bool HasDistinctIds)
{
    /// <summary>Features that were checked, as <paramref name="mode"/> contrasts them. Refuses what does not fit together.</summary>
    public static ContrastBatch Of(
        ContrastMode mode,
        nn.Reduction reduction,
        Tensor anchors,
        Tensor candidates,
        Tensor? sampleIds,
        PairMap? pairs,
        Tensor? candidateIds)
    {
        candidateIds = IdsOfCandidates(anchors, candidates, sampleIds, candidateIds);
        var idsExcludeNothing = false;
        if (mode == ContrastMode.TwoViews)
        {
            Guard.SameRows(anchors, candidates);
            var rows = 2 * anchors.shape[0];
            if (sampleIds is not null)
            {
                Guard.SameDevice(anchors, sampleIds);
                Guard.SameDevice(anchors, candidateIds!);
                // With each sample once in each view its rows are positives of each other, and the map needs no masks.
                idsExcludeNothing = pairs is null && rows > 0 && ReferenceEquals(sampleIds, candidateIds) && !SampleGroups.HasRepeats(sampleIds);
                sampleIds = candidateIds = cat([sampleIds, candidateIds!]);
            }
            if (rows > 0) pairs ??= PairMap.TwoViews(anchors.shape[0]);
            if (pairs is not null && (pairs.AnchorCount != rows || pairs.CandidateCount != rows))
                throw new ArgumentException(
                    $"the pair map has {pairs.AnchorCount} anchors and {pairs.CandidateCount} candidates but two views of {rows / 2} rows have {rows} of each",
                    nameof(pairs));
            anchors = candidates = cat([anchors, candidates]);
        }
        var (map, distinct) = idsExcludeNothing
            ? Resolve(pairs, anchors, candidates, null, null)
            : Resolve(pairs, anchors, candidates, sampleIds, candidateIds);
        if (mode == ContrastMode.Symmetric && reduction == nn.Reduction.None) Guard.SameRows(anchors, candidates);
        return new ContrastBatch(anchors, candidates, sampleIds, candidateIds, map, distinct);
    }

    /// <summary>Refuses features of a matrix that must not reach an estimator's or a memory's state. Waits for the device.</summary>
    /// <param name="matrix">The batch's similarities.</param>
    /// <param name="mode">Who is contrasted with whom.</param>
    public void CheckFinite(SimilarityMatrix matrix, ContrastMode mode)
    {
        if (matrix.AreFinite) return;
        // By the names and rows that the caller knows them by.
        var given = mode == ContrastMode.TwoViews ? Anchors.detach().chunk(2) : [Anchors, Candidates];
        FeatureRows.CheckFinite(given[0], "anchors");
        FeatureRows.CheckFinite(given[1], "candidates");
    }

    /// <summary>How many items the batch has: with two views each is two rows.</summary>
    /// <param name="mode">Who is contrasted with whom.</param>
    public long Items(ContrastMode mode) => Anchors.size(0) / (mode == ContrastMode.TwoViews ? 2 : 1);

    /// <summary>The candidates' sample ids: those given, or where the rows are the same samples the anchors'.</summary>
    private static Tensor? IdsOfCandidates(Tensor anchors, Tensor candidates, Tensor? sampleIds, Tensor? candidateIds)
    {
        if (sampleIds is not null) Guard.Integers(sampleIds, anchors.shape[0]);
        if (candidateIds is null) return anchors.shape[0] == candidates.shape[0] ? sampleIds : null;
        if (sampleIds is null)
            throw new ArgumentException("candidateIds are given but sampleIds, those of the anchors, are not", nameof(candidateIds));
        Guard.Integers(candidateIds, candidates.shape[0]);
        return candidateIds;
    }

    /// <summary>The map to use: the caller's, or the diagonal, with the sample ids worked in; and whether ids are known to be distinct.</summary>
    private static (PairMap Map, bool HasDistinctIds) Resolve(
        PairMap? pairs, Tensor anchors, Tensor candidates, Tensor? sampleIds, Tensor? candidateIds)
    {
        if (pairs is null) Guard.SameRows(anchors, candidates);
        if (anchors.shape[0] == 0) throw new ArgumentException("anchors have no rows", nameof(anchors));
        pairs ??= PairMap.Diagonal(anchors.shape[0]);
        pairs.Check(anchors, candidates, nameof(anchors), nameof(candidates));
        if (sampleIds is not null) Guard.SameDevice(anchors, sampleIds);
        if (sampleIds is null || candidateIds is null) return (pairs, false);

        Guard.SameDevice(anchors, candidateIds);
        if (!pairs.IsWhole)
            throw new ArgumentException("sampleIds of a block: give them to the whole map before taking a block of it", nameof(sampleIds));
        // Where each sample is there once and is its own positive, ids exclude nothing, and the map may stay a
        // diagonal, which needs no masks.
        if (!pairs.IsDiagonal || !ReferenceEquals(sampleIds, candidateIds) || SampleGroups.HasRepeats(sampleIds))
            return (pairs.WithSampleIds(sampleIds, candidateIds), false);
        return (pairs, true);
    }
}

/// <summary>Who is contrasted with whom.</summary>
public enum ContrastMode
{
    /// <summary>Anchors with candidates.</summary>
    OneDirection,

    /// <summary>Anchors with candidates and candidates with anchors, each with weight one half (CLIP, ConVIRT).</summary>
    Symmetric,

    /// <summary>
    /// Two views of the same items: each of the 2N rows with the 2N - 1 others of both views (NT-Xent, SimCLR).
    /// </summary>
    TwoViews,
}
