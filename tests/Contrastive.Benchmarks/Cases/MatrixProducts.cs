namespace Contrastive.Benchmarks.Cases;

/// <summary>
/// The floor of a contrastive step: the similarities S = A Bᵀ, and the gradients S B and Sᵀ A that any gradient of a function of
/// S needs. Nothing else: no normalisation, no exponentials, no autograd.
/// </summary>
internal static class MatrixProducts
{
    public static BatchStep Make(long batch, long dim)
    {
        var features = Features.Make(batch, dim, requiresGrad: false);
        var (a, b) = (features[0], features[1]);
        return BatchStep.Of(
            () =>
            {
                var s = a.matmul(b.t());
                s.matmul(b);
                s.t().matmul(a);
            },
            features);
    }
}
