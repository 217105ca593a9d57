using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>Some rows of the training set, ready to be fitted to with any strength.</summary>
internal sealed class LinearFit : IDisposable
{
    private readonly FeatureScaling _scaling;
    private readonly Tensor _design;
    private readonly SoftmaxObjective _objective;
    private readonly int _maximumEvaluations;

    public LinearFit(Tensor features, ClassLabels classes, long[] rows, LinearProbeOptions options)
    {
        using var scope = NewDisposeScope();
        (_scaling, var design) = FeatureScaling.Fit(Rows(features, rows), options.Standardize);
        _design = design.DetachFromDisposeScope();
        _objective = new SoftmaxObjective(design, tensor(rows.Select(row => classes.OfRow[row]).ToArray()), classes.Count);
        _maximumEvaluations = options.MaximumEvaluations;
    }

    /// <summary>All parameters zero.</summary>
    public double[] Origin => new double[_objective.Parameters];

    public static Tensor Rows(Tensor features, long[] rows)
    {
        using var scope = NewDisposeScope();
        return features.index_select(0, tensor(rows).to(features.device)).MoveToOuterDisposeScope();
    }

    public SoftmaxRegression.Solution At(double strength, double[] start, double tolerance)
        => SoftmaxRegression.Fit(_objective, strength, start, tolerance, _maximumEvaluations);

    public LinearModel Model(SoftmaxRegression.Solution solution) => new(_scaling, solution.Point, _objective.Classes);

    public void Dispose()
    {
        _design.Dispose();
        _scaling.Dispose();
    }
}
