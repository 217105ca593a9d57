using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Features on their way into a linear model: float64 on the CPU, each column standardised by mean and standard deviation
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
            var one = ones(1, dtype: ScalarType.Float64);
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

    private static Tensor Design(Tensor features)
    {
        var design = ones(features.shape[0], features.shape[1] + 1, dtype: ScalarType.Float64);
        design.narrow(1, 0, features.shape[1]).copy_(features);
        return design;
    }
}
