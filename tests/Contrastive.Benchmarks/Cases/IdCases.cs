using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>Batches with sample ids of which one is there twice, as a sampler with replacement gives them.</summary>
internal static class IdCases
{
    public static IEnumerable<StepCase> All =>
    [
        new("repeated-id-256", 256, 256, Symmetric(repeated: true), PlainMasked),
        new("repeated-id-1024", 1024, 256, Symmetric(repeated: true), PlainMasked),
        new("repeated-id-4096", 4096, 256, Symmetric(repeated: true), PlainMasked),
        new("repeated-over-distinct-256", 256, 256, Symmetric(repeated: true), Symmetric(repeated: false)),
        new("repeated-over-distinct-1024", 1024, 256, Symmetric(repeated: true), Symmetric(repeated: false)),
        new("repeated-over-distinct-4096", 4096, 256, Symmetric(repeated: true), Symmetric(repeated: false)),
    ];

    private static StepFactory Symmetric(bool repeated) => (batch, dim) =>
    {
        var (features, ids, temperature) = (Features.Make(batch, dim), Ids(batch, repeated), Temperature.Learned());
        var loss = new InfoNCELoss(temperature, ContrastMode.Symmetric);
        return BatchStep.Training(
            () => loss.forward(features[0], features[1], ids), [.. features, .. loss.parameters()], [.. features, ids, loss, temperature]);
    };

    /// <summary>One matrix, pairs of one sample masked, and two cross-entropies.</summary>
    private static BatchStep PlainMasked(long batch, long dim)
    {
        var (features, ids, logScale) = (Features.Make(batch, dim), Ids(batch, repeated: true), Features.LogScale());
        return BatchStep.Training(
            () =>
            {
                var same = ids.unsqueeze(1).eq(ids.unsqueeze(0)).logical_and(eye(batch, dtype: ScalarType.Bool).logical_not());
                var logits = logScale.exp().mul(Features.Unit(features[0])).matmul(Features.Unit(features[1]).t())
                    .masked_fill(same, Scalars.NegativeInfinity);
                var targets = TensorArithmetic.Range(0, batch, ids.device);
                return nn.functional.cross_entropy(logits, targets).Plus(nn.functional.cross_entropy(logits.t(), targets)).Times(0.5);
            },
            [.. features, logScale],
            [.. features, ids, logScale]);
    }

    private static Tensor Ids(long batch, bool repeated)
    {
        var ids = TensorArithmetic.Range(0, batch, CPU);
        if (repeated) ids[1] = ids[0];
        return ids;
    }
}
