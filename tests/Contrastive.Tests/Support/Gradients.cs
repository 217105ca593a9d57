using static TorchSharp.torch;

namespace Contrastive.Tests;

internal static class Gradients
{
    public static Tensor[] Of(Tensor loss, params Tensor[] inputs) => [.. autograd.grad([loss], inputs)];

    /// <summary>Two ways to the same loss: values and the gradient of every input agree.</summary>
    public static void ShouldAgree(Func<Tensor> actual, Func<Tensor> expected, double tolerance, params Tensor[] inputs)
    {
        var (a, e) = (actual(), expected());
        a.ShouldEqual(e, tolerance, "the values");
        if (a.dim() > 0)
        {
            // Different weights, so that entries cannot stand in for each other.
            var weights = arange(1, a.shape[0] + 1, dtype: ScalarType.Float64);
            (a, e) = ((a * weights).sum(), (e * weights).sum());
        }
        var (actualGradients, expectedGradients) = (Of(a, inputs), Of(e, inputs));
        for (var i = 0; i < inputs.Length; i++)
            actualGradients[i].ShouldEqual(expectedGradients[i], tolerance, $"the gradient of input {i}");
    }

    /// <summary>Central differences in float64 against autograd.</summary>
    public static void ShouldMatchFiniteDifferences(Func<Tensor> loss, params Tensor[] inputs)
    {
        const double step = 1e-5;
        var gradients = Of(loss(), inputs);
        for (var n = 0; n < inputs.Length; n++)
        {
            var numeric = zeros_like(inputs[n]);
            using (no_grad())
            {
                var flat = inputs[n].view(-1);
                for (long i = 0; i < flat.shape[0]; i++)
                {
                    var original = flat[i].item<double>();
                    flat[i] = original + step;
                    var above = loss().item<double>();
                    flat[i] = original - step;
                    var below = loss().item<double>();
                    flat[i] = original;
                    numeric.view(-1)[i] = (above - below) / (2 * step);
                }
            }
            gradients[n].ShouldEqual(numeric, 1e-7, $"the gradient of input {n}");
        }
    }
}
