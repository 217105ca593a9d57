using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>Sets contrasted with themselves, whose matrix is its own transpose: labels, two views, uniformity.</summary>
internal static class SelfContrastCases
{
    private const long Classes = 10;

    public static IEnumerable<StepCase> All =>
    [
        new("supcon-256", 256, 128, Labels, PlainLabels),
        new("supcon-1024", 1024, 128, Labels, PlainLabels),
        new("supcon", 4096, 512, Labels, PlainLabels),
        new("two-views", 4096, 512, TwoViews, PlainTwoViews),
        new("uniformity", 4096, 512, Uniformity, PlainUniformity),
    ];

    private static BatchStep Labels(long batch, long dim)
    {
        var (features, labels, temperature) = (Features.Make(batch, dim, count: 1), MakeLabels(batch), Temperature.Learned());
        var loss = new InfoNCELoss(temperature);
        return BatchStep.Training(
            () => loss.Evaluate(features[0], features[0], pairs: PairMap.FromLabels(labels)).Loss,
            [.. features, .. loss.parameters()],
            [.. features, labels, loss, temperature]);
    }

    /// <summary>As the authors of SupCon write it: a mask of equal labels, and log-probabilities of all pairs.</summary>
    private static BatchStep PlainLabels(long batch, long dim)
    {
        var (features, labels, logScale) = (Features.Make(batch, dim, count: 1), MakeLabels(batch), Features.LogScale());
        return BatchStep.Training(
            () =>
            {
                var mask = labels.unsqueeze(1).eq(labels.unsqueeze(0)).to(ScalarType.Float32);
                var unit = Features.Unit(features[0]);
                var logits = logScale.exp().mul(unit).matmul(unit.t());
                logits = logits.sub(logits.detach().amax([1], keepdim: true));
                var others = eye(batch, dtype: ScalarType.Bool).logical_not().to(ScalarType.Float32);
                mask = mask.mul(others);
                var logProbabilities = logits.sub(logits.exp().mul(others).sum(dim: 1, keepdim: true).log());
                return mask.mul(logProbabilities).sum(dim: 1).div(mask.sum(dim: 1)).neg().mean();
            },
            [.. features, logScale],
            [.. features, labels, logScale]);
    }

    private static BatchStep TwoViews(long batch, long dim)
    {
        var (features, temperature) = (Features.Make(batch / 2, dim), Temperature.Learned());
        var loss = new InfoNCELoss(temperature, ContrastMode.TwoViews);
        return BatchStep.Training(
            () => loss.forward(features[0], features[1]), [.. features, .. loss.parameters()], [.. features, loss, temperature]);
    }

    /// <summary>NT-Xent as it is usually written: the matrix of both views, itself masked, and a cross-entropy.</summary>
    private static BatchStep PlainTwoViews(long batch, long dim)
    {
        var (features, logScale) = (Features.Make(batch / 2, dim), Features.LogScale());
        return BatchStep.Training(
            () =>
            {
                var unit = Features.Unit(cat([features[0], features[1]]));
                var logits = logScale.exp().mul(unit).matmul(unit.t());
                var targets = TensorArithmetic.Range(0, batch, unit.device).roll(batch / 2, 0);
                return nn.functional.cross_entropy(logits.masked_fill(eye(batch, dtype: ScalarType.Bool), Scalars.NegativeInfinity), targets);
            },
            [.. features, logScale],
            [.. features, logScale]);
    }

    private static BatchStep Uniformity(long batch, long dim)
    {
        var (features, loss) = (Features.Make(batch, dim, count: 1), new UniformityLoss());
        return BatchStep.Training(() => loss.forward(features[0]), features, [.. features, loss]);
    }

    /// <summary>As its authors write it: the distances of all pairs i &lt; j, but of the whole matrix, since TorchSharp has no pdist with a gradient.</summary>
    private static BatchStep PlainUniformity(long batch, long dim)
    {
        var features = Features.Make(batch, dim, count: 1);
        return BatchStep.Training(
            () =>
            {
                var unit = Features.Unit(features[0]);
                var exponents = unit.matmul(unit.t()).Times(4).Plus(-4);
                var self = eye(batch, dtype: ScalarType.Bool);
                return exponents.exp().masked_fill(self, Scalars.Zero).SumAll().Times(1.0 / (batch * (batch - 1.0))).log();
            },
            features,
            [.. features]);
    }

    private static Tensor MakeLabels(long batch) => TensorArithmetic.Range(0, batch, CPU).remainder(tensor(Classes));
}
