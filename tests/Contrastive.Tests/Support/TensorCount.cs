using static TorchSharp.torch;

namespace Contrastive.Tests;

internal static class TensorCount
{
    /// <summary>
    /// Runs a step many times without any dispose scope around it; what it makes must be gone when it returns, without the
    /// garbage collector's help.
    /// </summary>
    public static void ShouldStay(Action step, int times = 20)
    {
        step();
        step();
        // What earlier tests left to the finaliser must not go while we count. What the step leaves is not collected.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        for (var i = 0; i < times; i++) step();
        Tensor.TotalCount.Should().Be(before, "a step leaves no tensor behind");
    }
}
