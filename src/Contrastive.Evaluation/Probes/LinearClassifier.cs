using System.Collections.Immutable;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>A linear classifier of features, fitted once. Made by <see cref="LinearProbe"/>; dispose of it to free its scaling.</summary>
public sealed class LinearClassifier : IDisposable
{
    private readonly LinearModel _model;
    private readonly FeatureScaling _scaling;
    private readonly ClassLabels _classes;
    private readonly long _width;
    private readonly ScalarType _type;
    private readonly Device _device;

    internal LinearClassifier(
        LinearModel model,
        FeatureScaling scaling,
        ClassLabels classes,
        Tensor features,
        double strength,
        ImmutableArray<StrengthScore> validation,
        int evaluations,
        bool converged)
    {
        (_model, _scaling, _classes) = (model, scaling, classes);
        (_width, _type, _device) = (features.shape[1], features.dtype, features.device);
        (Strength, Validation, Evaluations, Converged) = (strength, validation, evaluations, converged);
        Classes = [.. classes.Labels];
    }

    /// <summary>The labels of the C classes, ascending.</summary>
    public ImmutableArray<long> Classes { get; }

    /// <summary>The L2 strength λ it was fitted with.</summary>
    public double Strength { get; }

    /// <summary>
    /// The scores the strength was chosen by, from the weakest strength to the strongest; empty when there was nothing to
    /// choose from or no row to validate on.
    /// </summary>
    public ImmutableArray<StrengthScore> Validation { get; }

    /// <summary>
    /// Whether the strength chosen is the weakest or the strongest of the grid: one beyond it may do better, and
    /// <see cref="LinearProbeOptions.Strengths"/> should reach further.
    /// </summary>
    public bool StrengthIsAtEdge => !Validation.IsEmpty && (Strength == Validation[0].Strength || Strength == Validation[^1].Strength);

    /// <summary>How often the fit computed objective and gradient.</summary>
    public int Evaluations { get; }

    /// <summary>Whether the fit met <see cref="LinearProbeOptions.Tolerance"/>. If not, it is the best point found.</summary>
    public bool Converged { get; }

    /// <summary>The label of each row.</summary>
    /// <param name="features">Features of shape <c>(M, D)</c>, M ≥ 1, of the fitted rows' dtype and device; any strides.</param>
    /// <returns>
    /// Labels of shape <c>(M)</c>, int64, on the features' device; of classes that tie the smallest. They belong to the caller.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="features"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not a floating-point matrix of the fitted rows' width, dtype and device, have no rows, or hold NaN or infinity.
    /// </exception>
    public Tensor Predict(Tensor features)
    {
        Check(features);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return tensor(_classes.Labels).to(features.device).index_select(0, _model.Predict(features)).MoveToOuterDisposeScope();
    }

    /// <summary>The probability of each class for each row: the softmax over all classes.</summary>
    /// <param name="features">Features of shape <c>(M, D)</c>, M ≥ 1, of the fitted rows' dtype and device; any strides.</param>
    /// <returns>
    /// Probabilities of shape <c>(M, C)</c> in the order of <see cref="Classes"/>, in the features' dtype (half precision in float32), on
    /// their device. They belong to the caller.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="features"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not a floating-point matrix of the fitted rows' width, dtype and device, have no rows, or hold NaN or infinity.
    /// </exception>
    public Tensor Probabilities(Tensor features)
    {
        Check(features);
        return _model.Probabilities(features);
    }

    /// <summary>How often it is right.</summary>
    /// <param name="features">Features of shape <c>(M, D)</c>, M ≥ 1, of the fitted rows' dtype and device; any strides.</param>
    /// <param name="labels">
    /// Integer labels of shape <c>(M)</c>, on the features' device. Rows of a class it was not fitted to count as wrong.
    /// </param>
    /// <returns>The accuracy, and how the fit went.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not a floating-point matrix of the fitted rows' width, dtype and device, have no rows, or hold NaN or infinity; or
    /// there is not one integer label for each row on their device.
    /// </exception>
    public LinearProbeReport Evaluate(Tensor features, Tensor labels)
    {
        Guard.Features(features);
        Checks.LabelledRows(features, labels, 1);
        Check(features);
        return Report(features, ClassLabels.Read(labels));
    }

    /// <inheritdoc/>
    public void Dispose() => _scaling.Dispose();

    internal LinearProbeReport Report(Tensor features, long[] labels)
    {
        var (right, _) = _model.Score(features, _classes.Number(labels));
        var (accuracy, balanced) = ClassAccuracy.Of(right, labels);
        return new LinearProbeReport(accuracy, balanced, Strength, StrengthIsAtEdge, Validation, Evaluations, Converged, [.. right]);
    }

    private void Check(Tensor features)
    {
        Guard.Features(features);
        if (features.shape[1] != _width)
            throw new ArgumentException($"features have {features.shape[1]} features but the fitted rows have {_width}", nameof(features));
        if (features.dtype != _type)
            throw new ArgumentException($"features are {features.dtype} but the fitted rows are {_type}", nameof(features));
        if (features.device_type != _device.type || features.device_index != _device.index)
            throw new ArgumentException($"features are on {features.device} but the fitted rows are on {_device}", nameof(features));
        Checks.Rows(features, 1);
        Checks.Finite(features);
    }
}
