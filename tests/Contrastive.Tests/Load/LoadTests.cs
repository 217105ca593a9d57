using System.Diagnostics;
using static TorchSharp.torch;

namespace Contrastive.Tests.Load;

public class LoadTests
{
    [Fact]
    public void Ten_thousand_steps_leave_no_tensor_behind_and_the_memory_flat()
    {
        using var infoNce = new TrainingLoop(gamma: false);
        using var gamma = new TrainingLoop(gamma: true);
        Both(500);
        Collect();
        var (tensors, memory) = (Tensor.TotalCount, Resident());
        Both(5000);
        // Counted first: a collection would take tensors that were left behind.
        Tensor.TotalCount.Should().Be(tensors);
        Collect();
        (Resident() - memory).Should().BeLessThan(24 << 20, "10,000 steps of a few kilobytes each come to more if they stay");

        void Both(int steps)
        {
            infoNce.Steps(steps);
            gamma.Steps(steps);
        }

        static void Collect()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
        }

        static long Resident()
        {
            using var process = Process.GetCurrentProcess();
            return process.WorkingSet64;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_thread_that_collects_garbage_all_the_time_changes_nothing(bool gamma)
    {
        var expected = Run(gamma, 300);
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            Run(gamma, 300).Should().Equal(expected);
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }
    }

    [Fact]
    public void Losses_on_threads_of_their_own_do_not_disturb_each_other()
    {
        var expected = new[] { Run(false, 300), Run(true, 300) };
        var found = new double[4][];
        var threads = Enumerable.Range(0, 4).Select(i => new Thread(() => found[i] = Run(i % 2 == 1, 300))).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        for (var i = 0; i < 4; i++) found[i].Should().Equal(expected[i % 2]);
    }

    private static double[] Run(bool gamma, int steps)
    {
        using var loop = new TrainingLoop(gamma);
        using var scope = NewDisposeScope();
        loop.Steps(steps);
        return loop.State();
    }
}
