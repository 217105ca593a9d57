using static TorchSharp.torch;

namespace Contrastive;

/// <summary>A memory as the step of a batch sees it: which remembered rows stand beside which of the batch's.</summary>
/// <param name="Forward">The batch's anchors with remembered candidates; null while there are none.</param>
/// <param name="Reverse">The batch's candidates with remembered anchors; null while there are none.</param>
/// <param name="Store">Puts the batch in, given log(u / k) of its anchors and of its candidates as anchors, if they have one.</param>
internal sealed record BatchMemory(RememberedRows? Forward, RememberedRows? Reverse, Action<Tensor?, Tensor?> Store)
{
    /// <summary>The memory beside a batch. Refuses what does not fit, and changes nothing.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="matrix">The batch's similarities.</param>
    /// <param name="pairs">The batch's pairs.</param>
    /// <param name="sampleIds">The samples of the anchors, if told.</param>
    /// <param name="candidateIds">Those of the candidates.</param>
    /// <param name="isOneSet">Whether anchors and candidates are the same rows, which are remembered once.</param>
    /// <param name="tiling">How much may be formed at once.</param>
    public static BatchMemory Of(
        CrossBatchMemory memory, SimilarityMatrix matrix, PairMap pairs, Tensor? sampleIds, Tensor? candidateIds, bool isOneSet, Tiling tiling)
    {
        if (pairs.HasLogitBias)
            throw new ArgumentException("a logit bias says nothing of remembered rows: leave out the bias or the memory", nameof(pairs));
        var (anchorLabels, candidateLabels) = pairs.LabelsOfPart is var (ofAnchors, ofCandidates) ? (ofAnchors, ofCandidates) : ((Tensor?)null, (Tensor?)null);
        var (anchors, candidates) = (matrix.Anchors, matrix.Candidates);
        memory.CheckFeatures(anchors.Features, "anchors");
        var ofMemory = isOneSet ? memory.Anchors : memory.Candidates;
        if (!matrix.IsWhole) tiling = tiling.InTiles();
        return new BatchMemory(
            Beside(anchors, ofMemory.Newest(memory.Length), sampleIds, anchorLabels),
            Beside(candidates, memory.Anchors.Newest(memory.Length), candidateIds, candidateLabels),
            (anchorLogWeights, candidateLogWeights) =>
            {
                memory.NoteBatch(anchors.Features.shape[0]);
                if (!memory.RemembersBatches) return;
                memory.Anchors.Add(anchors.Constant, sampleIds, anchorLabels, anchorLogWeights);
                if (!isOneSet) memory.Candidates.Add(candidates.Constant, candidateIds, candidateLabels, candidateLogWeights);
            });

        RememberedRows? Beside(FeatureRows rows, MemoryEntries? entries, Tensor? ids, Tensor? labels) => entries is null
            ? null
            : new RememberedRows(rows, entries, entries.PairsWith(rows.Features.shape[0], ids, labels), tiling);
    }

    /// <summary>Whether a batch of so many items has no negatives to be had: a single one that finds the memory empty.</summary>
    public bool IsAlone(long items) => items == 1 && Forward is null && Reverse is null;
}
