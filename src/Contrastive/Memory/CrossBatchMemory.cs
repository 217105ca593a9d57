using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The rows of recent batches, which a contrastive loss puts beside those of the batch at hand: features move little from one step to the
/// next, so they are almost what the encoders would give now.
/// </summary>
/// <remarks>
/// <para>With <see cref="GammaContrastiveLoss"/>, which is a sum over pairs, the memory stands on both sides of every pair. Remembered
/// candidates are more negatives of the batch's anchors; remembered anchors push the batch's candidates away, each with the weight u
/// that it had: L = 1/B Σ_i [ -s_ii + u_i exp(s_ii) + u_i (N-1)/n_i Σ_{negatives of batch and memory} exp(s_ij) ]
/// + 1/B Σ_m u_m Σ_{j in batch} (N-1)/n_j exp(s_mj), n_i the negatives of i. Value and the gradient of τ are those of the first sum. So
/// the weight of a negative falls from (N-1)/(B-1) to (N-1)/(B-1+K), and the noise of small batches with it.</para>
/// <para>With <see cref="InfoNCELoss"/> remembered rows are more negatives inside the logarithm, for the gradient of the batch's anchors
/// alone (MoCo, K. He et al. 2020; cross-batch memory, X. Wang et al. 2020).</para>
/// <para>Rows of the same sample id, or of the same label where pairs are made of labels, are excluded. In training a loss puts the batch in
/// after its step, unless <see cref="RemembersBatches"/> is off; in evaluation nothing is stored. With two views each of the 2N rows is an
/// entry.</para>
/// <para><b>Age is the limit</b>: an entry is off by what the encoders have moved since. Use few entries while steps are large and more when
/// they become small: <see cref="FollowStepSize"/>. The state is in buffers, so that it is saved and restored with the loss.</para>
/// </remarks>
/// <example>
/// <code>
/// var memory = new CrossBatchMemory(capacity: 1024, features: 128);
/// var loss = new GammaContrastiveLoss(new PartitionTable(samples: 50_000), mode: ContrastMode.Symmetric, memory: memory);
/// // each step
/// memory.FollowStepSize(optimizer.ParamGroups.First().LearningRate);
/// loss.forward(imageFeatures, textFeatures, sampleIds).backward();
/// </code>
/// </example>
public sealed class CrossBatchMemory : nn.Module
{
    /// <summary>How many entries are used at the largest step size.</summary>
    public const long DefaultLengthAtPeak = 128;

    private const int LengthAt = 4;
    private const int BatchAt = 5;

    // Named as they are registered: TorchSharp finds the fields again by these names when the module moves.
    private readonly Tensor anchors;
    private readonly Tensor anchor_ids;
    private readonly Tensor anchor_labels;
    private readonly Tensor anchor_log_weights;
    private readonly Tensor candidates;
    private readonly Tensor candidate_ids;
    private readonly Tensor candidate_labels;
    private readonly Tensor candidate_log_weights;
    private readonly Tensor position;
    private readonly Tensor peak_step_size;

    /// <summary>Creates an empty memory.</summary>
    /// <param name="capacity">How many rows of each side it holds. Range: capacity ≥ 1.</param>
    /// <param name="features">D, the width of the features. Range: D ≥ 1.</param>
    /// <param name="lengthAtPeak">How many entries <see cref="FollowStepSize"/> uses at the largest step size. Range: ≥ 0.</param>
    /// <param name="remembersBatches">Whether a loss in training puts its batches in by itself.</param>
    /// <param name="dtype">The dtype that features and weights are kept in, float32 or float64.</param>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public CrossBatchMemory(
        long capacity,
        long features,
        long lengthAtPeak = DefaultLengthAtPeak,
        bool remembersBatches = true,
        ScalarType dtype = ScalarType.Float32)
        : base(nameof(CrossBatchMemory))
    {
        StateType.Check(dtype);
        Capacity = Guard.AtLeast(capacity, 1);
        Features = Guard.AtLeast(features, 1);
        LengthAtPeak = Guard.AtLeast(lengthAtPeak, 0);
        RemembersBatches = remembersBatches;

        anchors = Buffer(nameof(anchors), zeros(capacity, features, dtype: dtype));
        anchor_ids = Buffer(nameof(anchor_ids), zeros(capacity, dtype: ScalarType.Int64));
        anchor_labels = Buffer(nameof(anchor_labels), zeros(capacity, dtype: ScalarType.Int64));
        anchor_log_weights = Buffer(nameof(anchor_log_weights), zeros(capacity, dtype: dtype));
        candidates = Buffer(nameof(candidates), zeros(capacity, features, dtype: dtype));
        candidate_ids = Buffer(nameof(candidate_ids), zeros(capacity, dtype: ScalarType.Int64));
        candidate_labels = Buffer(nameof(candidate_labels), zeros(capacity, dtype: ScalarType.Int64));
        candidate_log_weights = Buffer(nameof(candidate_log_weights), zeros(capacity, dtype: dtype));
        // Of each side the next place and how many there are; the length in use; the rows of the last batch.
        position = Buffer(nameof(position), zeros(6, dtype: ScalarType.Int64));
        peak_step_size = Buffer(nameof(peak_step_size), zeros(1, dtype: ScalarType.Float64));
        Length = capacity;

        Tensor Buffer(string name, Tensor tensor)
        {
            register_buffer(name, tensor.DetachFromDisposeScope());
            return tensor;
        }
    }

    /// <summary>How many rows of each side it can hold.</summary>
    public long Capacity { get; }

    /// <summary>D, the width of the features.</summary>
    public long Features { get; }

    /// <summary>How many entries <see cref="FollowStepSize"/> uses at the largest step size.</summary>
    public long LengthAtPeak { get; }

    /// <summary>Whether a loss in training puts its batches in by itself.</summary>
    public bool RemembersBatches { get; }

    /// <summary>How many rows of the anchors' side it holds.</summary>
    public long Count => Anchors.Count;

    /// <summary>
    /// K, how many of the newest rows of each side a loss uses, where there are so many; the capacity at first. With 0 the loss is what it is
    /// without a memory. Range: 0 ≤ K ≤ capacity.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public long Length
    {
        get => MemorySide.Read(position, LengthAt);
        set
        {
            if (value < 0 || value > Capacity)
                throw new ArgumentOutOfRangeException(nameof(value), value, $"the length must lie between 0 and the capacity {Capacity} but is {value}");
            MemorySide.Write(position, LengthAt, value);
        }
    }

    /// <summary>
    /// Sets <see cref="Length"/> by the step size of the optimiser: K = max(B, <see cref="LengthAtPeak"/> · peak / step size), at most the
    /// capacity, where peak is the largest step size so far and B the rows of the last batch. Call it once a step, before the loss.
    /// </summary>
    /// <param name="stepSize">The learning rate of the step. Range: finite and > 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step size is out of range.</exception>
    public void FollowStepSize(double stepSize)
    {
        Guard.Positive(stepSize);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var peak = Math.Max(peak_step_size.item<double>(), stepSize);
        using var value = peak.ToScalar();
        peak_step_size.fill_(value);
        // Rounded first: a ratio of 8 less a rounding error is not to cost an entry.
        var grown = Math.Min(Capacity, Math.Round(LengthAtPeak * (peak / stepSize), 6));
        Length = Math.Min(Capacity, Math.Max(MemorySide.Read(position, BatchAt), (long)grown));
    }

    /// <summary>
    /// Puts rows of the caller's own in, say those of a momentum encoder; the oldest make room. As anchors they push nothing, since they
    /// have no weights: for that give <paramref name="anchorLogWeights"/>.
    /// </summary>
    /// <param name="anchors">(n, D), as similarities compare them: normalised, if the loss normalises; not divided by τ. Copied, without a graph.</param>
    /// <param name="candidates">(m, D), likewise.</param>
    /// <param name="sampleIds">(n) integers; without them, entries are taken for other samples than any of a batch.</param>
    /// <param name="candidateIds">(m) integers; by default, where n = m, the anchors' ids.</param>
    /// <param name="anchorLogWeights">
    /// (n), log(u / k) of the anchors, with which they push a batch's candidates: <see cref="GammaWeights.LogWeights"/>, or -log Ẑ from a table
    /// (<see cref="PartitionTable.LogPartition"/>).
    /// </param>
    /// <param name="candidateLogWeights">(m), those of the candidates as anchors of the other direction of a symmetric loss.</param>
    /// <exception cref="ArgumentException">The rows do not fit the memory, or are not finite; nothing has changed then.</exception>
    public void Enqueue(
        Tensor anchors,
        Tensor candidates,
        Tensor? sampleIds = null,
        Tensor? candidateIds = null,
        Tensor? anchorLogWeights = null,
        Tensor? candidateLogWeights = null)
    {
        CheckRows(anchors, nameof(anchors), sampleIds, anchorLogWeights);
        CheckRows(candidates, nameof(candidates), candidateIds, candidateLogWeights);
        if (candidateIds is null && anchors.shape[0] == candidates.shape[0]) candidateIds = sampleIds;
        Anchors.Add(anchors, sampleIds, null, anchorLogWeights);
        Candidates.Add(candidates, candidateIds, null, candidateLogWeights);
    }

    /// <summary>
    /// Copies of the newest <see cref="Length"/> rows of both sides, the oldest of them first, for losses of the caller's own.
    /// </summary>
    /// <returns>Null where a side holds none, or the length is 0. The tensors belong to the surrounding dispose scope, if there is one.</returns>
    public RememberedBatches? Newest()
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        if (Anchors.Newest(Length) is not { } first || Candidates.Newest(Length) is not { } second) return null;
        return new RememberedBatches(Copy(first.Rows), Copy(first.Ids), Copy(second.Rows), Copy(second.Ids));

        // The next batch is written over the rows, maybe before the gradients of this one are taken.
        static Tensor Copy(Tensor rows) => rows.clone().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Copies of the newest <see cref="Length"/> rows that were anchors, the oldest of them first, with their samples and log(u / k), -∞ where they have
    /// none: for a loss that is worked out in pieces.
    /// </summary>
    /// <returns>Null where there are none. The tensors belong to the surrounding dispose scope, if there is one.</returns>
    public (Tensor Rows, Tensor Ids, Tensor LogWeights)? NewestAnchors() => Newest(Anchors);

    /// <summary>The same of rows that were candidates; of two views there are none, since both are anchors.</summary>
    public (Tensor Rows, Tensor Ids, Tensor LogWeights)? NewestCandidates() => Newest(Candidates);

    /// <summary>
    /// Puts a batch in, as a loss in training does after its step: for a loss that is worked out in pieces, of rows of several processes, say. Where the
    /// memory does not remember batches, only the number of rows is noted, for <see cref="FollowStepSize"/>.
    /// </summary>
    /// <param name="anchors">(n, D), as similarities compare them: normalised, if the loss normalises; of two views all 2N rows.</param>
    /// <param name="candidates">(n, D), likewise; null where the anchors are the candidates.</param>
    /// <param name="sampleIds">(n) integers, of both.</param>
    /// <param name="anchorLogWeights">(n), log(u / k) of the anchors: <see cref="GammaWeights.LogWeights"/>.</param>
    /// <param name="candidateLogWeights">(n), that of the candidates as anchors of a symmetric loss.</param>
    /// <exception cref="ArgumentException">The rows do not fit the memory, or are not finite; nothing has changed then.</exception>
    public void EnqueueBatch(
        Tensor anchors, Tensor? candidates, Tensor? sampleIds = null, Tensor? anchorLogWeights = null, Tensor? candidateLogWeights = null)
    {
        CheckRows(anchors, nameof(anchors), sampleIds, anchorLogWeights);
        if (candidates is not null) CheckRows(candidates, nameof(candidates), sampleIds, candidateLogWeights);
        NoteBatch(anchors.shape[0]);
        if (!RemembersBatches) return;
        Anchors.Add(anchors, sampleIds, null, anchorLogWeights);
        if (candidates is not null) Candidates.Add(candidates, sampleIds, null, candidateLogWeights);
    }

    /// <summary>Forgets all rows.</summary>
    public void Clear()
    {
        for (var index = 0; index < LengthAt; index++) MemorySide.Write(position, index, 0);
    }

    /// <summary>The rows that were anchors.</summary>
    internal MemorySide Anchors => new(anchors, anchor_ids, anchor_labels, anchor_log_weights, position, 0);

    /// <summary>The rows that were candidates.</summary>
    internal MemorySide Candidates => new(candidates, candidate_ids, candidate_labels, candidate_log_weights, position, 2);

    /// <summary>Refuses features that do not fit.</summary>
    internal void CheckFeatures(Tensor features, string name)
    {
        StateType.CheckUnconverted(anchors.dtype, "memory");
        if (features.shape[1] != Features)
            throw new ArgumentException($"{name} have {features.shape[1]} features but the memory's have {Features}", name);
        Guard.SameDevice(features, anchors, name, "those of the memory");
    }

    /// <summary>Remembers how many rows the last batch had, which <see cref="FollowStepSize"/> goes by.</summary>
    internal void NoteBatch(long rows) => MemorySide.Write(position, BatchAt, rows);

    /// <summary>Nothing: the constructor registers all there is. TorchSharp would register every field again.</summary>
    protected override void RegisterComponents()
    {
    }

    private (Tensor Rows, Tensor Ids, Tensor LogWeights)? Newest(MemorySide side)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        if (side.Newest(Length) is not { } entries) return null;
        return (
            entries.Rows.clone().MoveToOuterDisposeScope(), entries.Ids.clone().MoveToOuterDisposeScope(), entries.LogWeights.clone().MoveToOuterDisposeScope());
    }

    private void CheckRows(Tensor rows, string name, Tensor? ids, Tensor? logWeights)
    {
        Guard.Features(rows, name);
        CheckFeatures(rows, name);
        if (ids is not null)
        {
            Guard.Integers(ids, rows.shape[0]);
            Guard.SameDevice(rows, ids, name);
        }
        if (logWeights is not null && (logWeights.dim() != 1 || logWeights.shape[0] != rows.shape[0]))
            throw new ArgumentException(
                $"the log weights of {name} must have the shape ({rows.shape[0]}) but have {Guard.Shape(logWeights)}", nameof(logWeights));
        using var scope = NewDisposeScope();
        FeatureRows.CheckFinite(rows.detach().To(anchors.dtype), name);
    }
}

/// <summary>Rows that a memory holds, without a graph.</summary>
/// <param name="Anchors">(K, D), as similarities compare them.</param>
/// <param name="AnchorIds">(K) int64, their samples; <see cref="long.MinValue"/> where they were not told.</param>
/// <param name="Candidates">(K', D).</param>
/// <param name="CandidateIds">(K') int64.</param>
public sealed record RememberedBatches(Tensor Anchors, Tensor AnchorIds, Tensor Candidates, Tensor CandidateIds);
