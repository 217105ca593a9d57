using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>A loss that draws anchors to their positives among the candidates and away from the negatives.</summary>
/// <remarks>
/// A loss disposes what it made itself and what is its own (an estimator), not a temperature it was given, which other losses
/// may share.
/// </remarks>
public abstract class ContrastiveLoss : Loss<Tensor, Tensor, Tensor>
{
    private readonly bool _ownsTemperature;
    private bool _releasing;

    private protected ContrastiveLoss(
        Temperature? temperature,
        ContrastMode mode,
        SimilarityMeasure similarity,
        MissingPairs missingPairs,
        nn.Reduction reduction,
        Func<Temperature>? byDefault = null)
        : base(Guard.Defined(reduction))
    {
        _ownsTemperature = temperature is null;
        Temperature = temperature ?? byDefault?.Invoke() ?? Temperature.Fixed(0.1);
        Mode = Guard.Defined(mode);
        Similarity = Guard.Defined(similarity);
        MissingPairs = Guard.Defined(missingPairs);
        register_module("temperature", Temperature);
    }

    /// <summary>The temperature that similarities are divided by.</summary>
    public Temperature Temperature { get; }

    /// <summary>Who is contrasted with whom.</summary>
    public ContrastMode Mode { get; }

    /// <summary>How features are compared.</summary>
    public SimilarityMeasure Similarity { get; }

    /// <summary>What happens to an anchor without a positive or without a negative.</summary>
    public MissingPairs MissingPairs { get; }

    /// <summary>
    /// How the matrix of similarities is worked through: the memory it may take, and the tiles. A reduced loss can be
    /// differentiated once, unless <see cref="Tiling.DensePairs"/> asks for the whole matrix.
    /// </summary>
    /// <exception cref="ArgumentNullException">The value is null.</exception>
    public Tiling Tiling
    {
        get;
        set => field = value ?? throw new ArgumentNullException(nameof(value));
    } = Tiling.Default;

    /// <summary>The loss of a batch, with what belongs to it.</summary>
    /// <remarks>
    /// With <see cref="ContrastMode.TwoViews"/> the 2N rows are the anchors' and below them the candidates': <c>pairs</c>, if
    /// given, is of the shape (2N, 2N), and without reduction the loss is (2N).
    /// </remarks>
    /// <param name="anchors">(N, D), float16, bfloat16, float32 or float64. Half precision is computed in float32.</param>
    /// <param name="candidates">(M, D), of the same dtype and device.</param>
    /// <param name="sampleIds">
    /// (N) integers, the index of the sample that anchor i is. An anchor and a candidate of one sample are never negatives of
    /// each other.
    /// </param>
    /// <param name="pairs">Which candidate is which anchor's positive. By default row i belongs to row i, and N = M.</param>
    /// <param name="candidateIds">
    /// (M) integers, the index of the sample that candidate j is; by default, where N = M, the anchors' ids.
    /// </param>
    /// <returns>The loss, the objective it stands for and the number of anchors skipped.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    /// <exception cref="InvalidOperationException">An estimator's state was converted to half precision.</exception>
    public abstract ContrastiveResult Evaluate(
        Tensor anchors, Tensor candidates, Tensor? sampleIds = null, PairMap? pairs = null, Tensor? candidateIds = null);

    /// <summary>The loss of a batch whose row i belongs to row i.</summary>
    /// <param name="anchors">(N, D).</param>
    /// <param name="candidates">(N, D).</param>
    /// <returns>A scalar, or (N) where the reduction is none.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    /// <exception cref="InvalidOperationException">An estimator's state was converted to half precision.</exception>
    public override Tensor forward(Tensor anchors, Tensor candidates)
    {
        var result = Evaluate(anchors, candidates);
        result.Objective.Dispose();
        return result.Loss;
    }

    /// <summary>The loss of a batch.</summary>
    /// <inheritdoc cref="Evaluate" path="/param"/>
    /// <returns>A scalar, or (N) where the reduction is none.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    /// <exception cref="InvalidOperationException">An estimator's state was converted to half precision.</exception>
    public Tensor forward(
        Tensor anchors, Tensor candidates, Tensor? sampleIds, PairMap? pairs = null, Tensor? candidateIds = null)
    {
        var result = Evaluate(anchors, candidates, sampleIds, pairs, candidateIds);
        result.Objective.Dispose();
        return result.Loss;
    }

    /// <summary>A batch as <see cref="Mode"/> contrasts it, checked. What it makes is in the caller's dispose scope.</summary>
    private protected ContrastBatch Batch(Tensor anchors, Tensor candidates, Tensor? sampleIds, PairMap? pairs, Tensor? candidateIds)
    {
        CheckFeatures(anchors, candidates);
        return ContrastBatch.Of(Mode, reduction, anchors, candidates, sampleIds, pairs, candidateIds);
    }

    /// <summary>1/τ for features that were checked. What it makes is in the caller's dispose scope.</summary>
    private protected LogitScale Scale(Tensor features, bool constant = false)
        => LogitScale.Of(Temperature, UnitRows.ComputeType(features.dtype), constant);

    /// <summary>Every check of the features that all losses share.</summary>
    private protected void CheckFeatures(
        Tensor anchors, Tensor candidates, [CallerArgumentExpression(nameof(candidates))] string candidatesName = "")
    {
        Guard.Features(anchors);
        Guard.Features(candidates, candidatesName);
        Guard.Comparable(anchors, candidates, nameof(anchors), candidatesName);
        Temperature.CheckDevice(anchors, nameof(anchors));
    }

    /// <summary>Nothing: the constructor registers all there is. TorchSharp would register every field again, under its own name.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _releasing = true;
        if (disposing && _ownsTemperature) Temperature.Dispose();
        base.Dispose(disposing);
    }

    // A module disposes all that it lists, submodules' tensors included. A loss has none of its own, and lists to that end
    // only the submodules it may dispose.

    /// <inheritdoc/>
    public override IEnumerable<(string name, nn.Module module)> named_modules()
        => base.named_modules().Where(entry => !_releasing || IsOwn(entry.module));

    /// <inheritdoc/>
    public override IEnumerable<(string name, TorchSharp.Modules.Parameter parameter)> named_parameters(bool recurse = true)
        => _releasing ? [] : base.named_parameters(recurse);

    /// <inheritdoc/>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
        => _releasing ? [] : base.named_buffers(recurse, include_nonpersistent);

    private bool IsOwn(nn.Module module) => !ReferenceEquals(module, Temperature);
}
