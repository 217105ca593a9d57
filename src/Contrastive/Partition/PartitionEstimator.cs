using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// Keeps log Ẑ_i, the estimate of an anchor's partition function over the whole population, from what batches show of it.
/// </summary>
/// <remarks>
/// Which one to take depends on what can be kept: <see cref="PartitionTable"/> one number per sample,
/// <see cref="PartitionQueue"/> recent candidates, <see cref="BatchPartition"/> nothing. Its state is in buffers, so it is
/// saved and restored with the module that holds it. An estimator is not safe for use from several threads at once.
/// </remarks>
public abstract class PartitionEstimator : nn.Module
{
    /// <summary>Creates the estimator.</summary>
    /// <param name="name">The name of the module.</param>
    /// <param name="population">N, or null where it is not known.</param>
    /// <exception cref="ArgumentOutOfRangeException">N is less than 2.</exception>
    protected PartitionEstimator(string name, long? population)
        : base(name)
    {
        if (population is { } count) Guard.AtLeast(count, 2, nameof(population));
        Population = population;
    }

    /// <summary>
    /// N, the number of candidates in the whole population that an anchor is contrasted with, its positives included. Null
    /// where it is not known: then the batch is taken for the whole.
    /// </summary>
    public long? Population { get; }

    /// <summary>An empty estimator of the same kind and settings, for the other direction of a symmetric loss.</summary>
    public abstract PartitionEstimator CreateSibling();

    /// <summary>log Ẑ_i of each anchor of a batch, and the change of state to make of it. Changes nothing itself.</summary>
    /// <param name="observation">What the batch shows.</param>
    /// <exception cref="ArgumentException">The observation lacks what this estimator needs, or does not fit its state.</exception>
    /// <exception cref="InvalidOperationException">The state was converted to half precision.</exception>
    public abstract PartitionEstimate Estimate(PartitionObservation observation);

    /// <summary>
    /// Takes in the candidates of a batch in training, once a batch, after its estimate. Refuses what is wrong now, changes nothing,
    /// and returns the change, so that a loss can let all state change together or none of it.
    /// </summary>
    /// <param name="candidates">(n, D), as similarities compare them, without the scale 1/τ and without a graph.</param>
    /// <param name="sampleIds">(n) integers, if the caller said so.</param>
    /// <returns>The change; null where there is none.</returns>
    /// <exception cref="ArgumentException">The candidates do not fit the state.</exception>
    public virtual Action? Observe(Tensor candidates, Tensor? sampleIds) => null;

    /// <summary>Whether <see cref="Observe"/> has no use for candidates, so that they need not be made.</summary>
    internal virtual bool IgnoresCandidates => false;

    /// <summary>Refuses an estimate of a batch that must not reach the state. Waits for the device.</summary>
    /// <param name="logEstimate">log Z̃_i of each anchor, (m).</param>
    /// <exception cref="ArgumentException">A value is not finite.</exception>
    protected static void CheckFinite(Tensor logEstimate)
    {
        using var scope = NewDisposeScope();
        // The sum of finite numbers is finite, or takes a closer look.
        if (logEstimate.SumAll().IsFinite()) return;
        var finite = logEstimate.isfinite();
        if (finite.all().item<bool>()) return;
        var row = finite.logical_not().nonzero()[0, 0].item<long>();
        throw new ArgumentException(
            $"the partition function of anchor {row} is {logEstimate[row].to(ScalarType.Float64).item<double>()}: "
            + "its features, or a candidate's, are not finite, and the estimate was not changed");
    }
}

/// <summary>What an estimator sees of a batch. Nothing in it has a graph.</summary>
public sealed class PartitionObservation
{
    /// <summary>Creates an observation.</summary>
    /// <param name="sums">The sums over the batch's candidates.</param>
    /// <param name="anchors">(m, D), as similarities compare them: normalised where the loss asks for it.</param>
    /// <param name="logitScale">1/τ.</param>
    /// <param name="sampleIds">(m) integers, or null.</param>
    public PartitionObservation(PartitionSums sums, Tensor anchors, double logitScale, Tensor? sampleIds)
        : this(sums, () => anchors, Contrastive.LogitScale.Of(1 / logitScale), sampleIds)
    {
    }

    internal PartitionObservation(PartitionSums sums, Func<Tensor> anchors, Contrastive.LogitScale scale, Tensor? sampleIds)
    {
        (Sums, _anchors, Scale, SampleIds) = (sums, anchors, scale, sampleIds);
    }

    private readonly Func<Tensor> _anchors;

    /// <summary>The sums over the batch's candidates.</summary>
    public PartitionSums Sums { get; }

    /// <summary>
    /// The anchors as similarities compare them, (m, D): normalised where the loss asks for it, not divided by τ. So are the
    /// candidates that <see cref="PartitionEstimator.Observe"/> gets.
    /// </summary>
    public Tensor Anchors => field ??= _anchors();

    /// <summary>1/τ, which the similarities of the anchors with any candidates are to be multiplied by. May wait for the device.</summary>
    public double LogitScale => Scale.Value;

    /// <summary>Which sample each anchor is, (m) integers, if the caller said so.</summary>
    public Tensor? SampleIds { get; }

    /// <summary>The same observation with other numbers for the samples, for an estimator that keeps only some of them and numbers those itself.</summary>
    /// <param name="sampleIds">(m) integers, the same for two anchors where they were the same before.</param>
    public PartitionObservation WithSampleIds(Tensor? sampleIds) => new(Sums, _anchors, Scale, sampleIds) { Tiling = Tiling, DistinctSamples = DistinctSamples };

    /// <summary>How an estimator that compares the anchors with candidates of its own is to use memory.</summary>
    public Tiling Tiling { get; init; } = Tiling.Default;

    /// <summary>1/τ without a look at the device.</summary>
    internal Contrastive.LogitScale Scale { get; }

    /// <summary>Whether it is known that no two anchors are one sample.</summary>
    internal bool DistinctSamples { get; init; }
}

/// <summary>An estimate, and the change of state that goes with it but has not happened yet.</summary>
/// <remarks>
/// The two are apart so that a loss can work out everything, find whatever is wrong, and only then let any state change.
/// </remarks>
/// <param name="LogPartition">log Ẑ_i of each anchor, (m).</param>
/// <param name="LogNegativeScale">
/// log c_i, (m): how many candidates of what Ẑ_i sums over each negative of the batch stands for in the M-step.
/// </param>
/// <param name="Commit">Stores what was learned; called at most once, and only in training. Null where there is nothing to store.</param>
public sealed record PartitionEstimate(Tensor LogPartition, Tensor LogNegativeScale, Action? Commit = null)
{
    /// <summary>
    /// Whether <see cref="LogPartition"/> is relative to the reference of the sums it was made from, which keeps the digits of large
    /// similarities.
    /// </summary>
    internal bool IsRelative { get; init; }
}

/// <summary>The dtypes that an estimator's state can be kept in: half precision is too coarse for it.</summary>
internal static class StateType
{
    /// <exception cref="ArgumentException">The dtype is another.</exception>
    public static ScalarType Check(ScalarType dtype)
        => IsFine(dtype) ? dtype : throw new ArgumentException($"dtype must be float32 or float64 but is {dtype}", nameof(dtype));

    /// <summary>Refuses a state that was converted together with the module that holds it.</summary>
    /// <exception cref="InvalidOperationException">It was.</exception>
    public static void CheckUnconverted(ScalarType dtype, string estimator)
    {
        if (!IsFine(dtype))
            throw new InvalidOperationException(
                $"the {estimator} was converted to {dtype}, which is too coarse for it: convert the encoders, not the loss");
    }

    private static bool IsFine(ScalarType dtype) => dtype is ScalarType.Float32 or ScalarType.Float64;
}
