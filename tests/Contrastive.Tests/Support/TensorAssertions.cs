using static TorchSharp.torch;

namespace Contrastive.Tests;

internal static class TensorAssertions
{
    public static void ShouldEqual(this Tensor actual, Tensor expected, double tolerance = 1e-10, string because = "")
    {
        actual.shape.Should().Equal(expected.shape, because);
        if (actual.numel() == 0) return;
        var a = actual.detach().to(ScalarType.Float64);
        var e = expected.detach().to(ScalarType.Float64);
        var difference = (a - e).abs().max().item<double>();
        var size = Math.Max(1, e.abs().max().item<double>());
        (difference / size).Should().BeLessThanOrEqualTo(tolerance, because);
    }

    public static bool IsSameAs(this Tensor actual, Tensor expected) => actual.eq(expected).all().item<bool>();

    public static void ShouldBeFinite(this Tensor actual, string because = "")
        => actual.isfinite().all().item<bool>().Should().BeTrue(because);
}
