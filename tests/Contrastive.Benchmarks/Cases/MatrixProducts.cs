using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>
/// The floor of a contrastive step: the similarities S = A Bᵀ, and the products S' B and S'ᵀ A that the gradient of any function
/// of S needs (S' = S here: a product costs the same whatever the numbers). No normalisation, no exponentials, no autograd.
/// </summary>
internal static class MatrixProducts
{
    /// <summary>Into fresh tensors, as <c>matmul</c> gives them, and as the gradients of a step are.</summary>
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

    /// <summary>Into tensors that are there already, S as well: less than any form can do, since nobody asks the system for memory.</summary>
    public static BatchStep MakeInPlace(long batch, long dim)
    {
        var features = Features.Make(batch, dim, requiresGrad: false);
        var (a, b) = (features[0], features[1]);
        var (s, ofA, ofB) = (zeros(batch, batch), zeros(batch, dim), zeros(batch, dim));
        return BatchStep.Of(
            () =>
            {
                s.addmm_(a, b.t(), beta: 0, alpha: 1);
                ofA.addmm_(s, b, beta: 0, alpha: 1);
                ofB.addmm_(s.t(), a, beta: 0, alpha: 1);
            },
            [.. features, s, ofA, ofB]);
    }
}
