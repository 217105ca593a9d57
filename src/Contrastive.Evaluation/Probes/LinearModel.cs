using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>A linear classifier: its parameters, and the scaling of features they were fitted with.</summary>
internal sealed class LinearModel(FeatureScaling scaling, double[] point, long classes)
{
    private const long TileElements = 1 << 21;

    /// <summary>
    /// Classes that the training rows do not tell apart have equal parameters on paper, and nearly so after the fit. What is nearer
    /// than this in relation to the terms of a logit is well below what a fit can tell, which ends some 10⁻⁵ from the minimum.
    /// </summary>
    private const double Rounding = 1e-9;

    /// <summary>
    /// How right the largest logit is, 1 or 0, or where c classes share it and the label is one of them 1/c; and the mean
    /// cross-entropy -log p(label), of rows (N, D) with labels from 0 to C - 1. A label of -1 is of a class the model does not
    /// know: never right; the cross-entropy is then of no use.
    /// </summary>
    public (double[] Hits, double CrossEntropy) Score(Tensor features, long[] labels)
    {
        double[] hits = new double[labels.Length];
        double sum = 0;
        Each(features, (start, design, logits) =>
        {
            var target = tensor(labels[(int)start..(int)(start + logits.shape[0])]).to(logits.device).unsqueeze(1);
            var known = target.clamp_min(Scalars.ZeroIndex);
            var best = Best(design, logits);
            var right = best.gather(1, known).logical_and_(target.ge(Scalars.ZeroIndex)).squeeze(1);
            ScoredRows.Doubles(right.to_type(ScalarType.Float64) / best.sum(dim: 1).clamp_min(Scalars.OneIndex)).CopyTo(hits, start);
            sum += (logits.logsumexp(1) - logits.gather(1, known).squeeze(1)).SumAll().item<double>();
        });
        return (hits, sum / labels.Length);
    }

    /// <summary>The first class of each row that has the largest logit, or ties with it; (N) int64.</summary>
    public Tensor Predict(Tensor features)
    {
        var classOfRow = empty(features.shape[0], dtype: ScalarType.Int64, device: features.device);
        Each(features, (start, design, logits) => classOfRow.narrow(0, start, logits.shape[0])
            .copy_(First(Best(design, logits))));
        return classOfRow;
    }

    /// <summary>The softmax of the logits, (N, C).</summary>
    public Tensor Probabilities(Tensor features)
    {
        var probabilities = empty(features.shape[0], classes, dtype: UnitRows.ComputeType(features.dtype), device: features.device);
        Each(features, (start, _, logits) => probabilities.narrow(0, start, logits.shape[0]).copy_(logits.softmax(1)));
        return probabilities;
    }

    private void Each(Tensor features, Action<long, Tensor, Tensor> use)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var parameters = Parameters(features);
        foreach (var (start, length) in Runs.Of(features.shape[0], Chunks.Size(null, classes + features.shape[1], TileElements)))
        {
            using var tile = NewDisposeScope();
            var design = scaling.Apply(features.narrow(0, start, length));
            use(start, design, design.matmul(parameters.t()));                                        // (length, C)
        }
    }

    private Tensor First(Tensor best)
    {
        using var none = classes.ToScalar();
        return TensorArithmetic.Range(0, classes, best.device).expand_as(best).masked_fill(best.logical_not(), none).amin([1]);
    }

    private Tensor Parameters(Tensor features)
        => tensor(point, dtype: ScalarType.Float64).reshape(classes, -1).to(FeatureScaling.DeviceOf(features));

    /// <summary>Which classes have the largest logit of each row, (length, C) bool.</summary>
    private Tensor Best(Tensor design, Tensor logits)
    {
        using var scope = NewDisposeScope();
        // Of the largest of Σ_j |w_cj x_j|; where all parameters are next to nothing, of 1.
        var magnitudes = Parameters(design).abs().t();
        var tolerance = design.abs().matmul(magnitudes).amax([1], keepdim: true).Times(Rounding)
            .Plus(RowScores.TieTolerance(design.shape[1], ScalarType.Float64));
        return logits.ge(logits.amax([1], keepdim: true) - tolerance).MoveToOuterDisposeScope();
    }
}

/// <summary>Some rows of the training set, ready to be fitted to with any strength.</summary>
internal sealed class LinearFit : IDisposable
{
    private readonly FeatureScaling _scaling;
    private readonly Tensor _design;
    private readonly SoftmaxObjective _objective;
    private readonly int _maximumEvaluations;
    private bool _scalingIsTaken;

    public LinearFit(Tensor features, ClassLabels classes, long[] rows, LinearProbeOptions options)
    {
        using var scope = NewDisposeScope();
        (_scaling, var design) = FeatureScaling.Fit(Rows(features, rows), options.Standardize);
        _design = design.DetachFromDisposeScope();
        _objective = new SoftmaxObjective(design, tensor(rows.Select(row => classes.OfRow[row]).ToArray()).to(design.device), classes.Count);
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

    /// <summary>The scaling, which is the caller's from now on.</summary>
    public FeatureScaling TakeScaling()
    {
        _scalingIsTaken = true;
        return _scaling;
    }

    public void Dispose()
    {
        _design.Dispose();
        if (!_scalingIsTaken)
            _scaling.Dispose();
    }
}

/// <summary>
/// Features on their way into a linear model: float64 on their device (on the CPU where that does not know it), each column standardised by mean and standard deviation
/// of the rows the model is fitted to, or left as it is; and a last column of ones for the bias.
/// </summary>
internal sealed class FeatureScaling : IDisposable
{
    private readonly Tensor _largest;
    private readonly Tensor _mean;
    private readonly Tensor _factor;

    private FeatureScaling(Tensor largest, Tensor mean, Tensor factor)
    {
        _largest = largest.DetachFromDisposeScope();
        _mean = mean.DetachFromDisposeScope();
        _factor = factor.DetachFromDisposeScope();
    }

    /// <summary>The scaling that the rows ask for, and those rows scaled: (n, D + 1).</summary>
    public static (FeatureScaling Scaling, Tensor Design) Fit(Tensor features, bool standardize)
    {
        using var scope = NewDisposeScope();
        var design = Design(features);
        var columns = design.narrow(1, 0, features.shape[1]);
        if (!standardize)
        {
            var one = ones(1, dtype: ScalarType.Float64, device: design.device);
            return (new FeatureScaling(one, zeros_like(one), one.clone()), design.MoveToOuterDisposeScope());
        }

        Tensor low = columns.amin([0]), high = columns.amax([0]);
        // Divided by the largest entry first, so that no square overflows or vanishes.
        var largest = maximum(high.abs(), low.abs());
        largest.masked_fill_(largest.eq(Scalars.Zero), Scalars.One);
        columns.div_(largest);
        var mean = columns.mean([0]);
        columns.sub_(mean);
        var deviation = columns.Square().mean([0]).sqrt();
        // A constant column says nothing; what rounding makes of it must not become a feature.
        var constant = low.eq(high).logical_or(deviation.eq(Scalars.Zero));
        var factor = deviation.masked_fill(constant, Scalars.One).reciprocal().masked_fill(constant, Scalars.Zero);
        columns.mul_(factor);
        return (new FeatureScaling(largest, mean, factor), design.MoveToOuterDisposeScope());
    }

    /// <summary>Other rows, scaled alike: (n, D + 1).</summary>
    public Tensor Apply(Tensor features)
    {
        using var scope = NewDisposeScope();
        var design = Design(features);
        design.narrow(1, 0, features.shape[1]).div_(_largest).sub_(_mean).mul_(_factor);
        return design.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _largest.Dispose();
        _mean.Dispose();
        _factor.Dispose();
    }

    /// <summary>Where float64 is worked with.</summary>
    public static Device DeviceOf(Tensor features) => features.device_type == DeviceType.MPS ? CPU : features.device;

    private static Tensor Design(Tensor features)
    {
        var design = ones(features.shape[0], features.shape[1] + 1, dtype: ScalarType.Float64, device: DeviceOf(features));
        design.narrow(1, 0, features.shape[1]).copy_(features);
        return design;
    }
}
