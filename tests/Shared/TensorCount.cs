using static TorchSharp.torch;

namespace Contrastive.TestSupport;

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
        Left(() =>
        {
            for (var i = 0; i < times; i++) step();
        }).Should().Be(0, "a step leaves no tensor behind");
    }

    /// <summary>
    /// By how much an action changes the number of tensors. A collection meanwhile would take tensors that it left, and what earlier
    /// tests left: then it runs again.
    /// </summary>
    public static long Left(Action action)
    {
        for (var attempt = 0; attempt < 10; attempt++)
        {
            // What earlier tests left to the finaliser goes now. What the action leaves is not collected.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var (before, collections) = (Tensor.TotalCount, GC.CollectionCount(0));
            action();
            var left = Tensor.TotalCount - before;
            if (GC.CollectionCount(0) == collections) return left;
        }

        throw new InvalidOperationException(
            "Every count was disturbed by a collection: count less in one go, or run with tests/test.runsettings, which makes them rare");
    }
}
