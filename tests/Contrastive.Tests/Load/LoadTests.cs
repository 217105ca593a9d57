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
        TensorCount.Left(() => Both(100)).Should().Be(0);
        if (!NativeMemory.IsKnown) return;
        // A tensor that stays takes some 400 bytes, a node of a graph more.
        NativeMemory.Growth(Both, windows: 12, runs: 400).Should().BeLessThan(100, "what a step takes is given back");

        void Both(int steps)
        {
            infoNce.Steps(steps);
            gamma.Steps(steps);
        }
    }

    /// <summary>
    /// Tiles of their own, among small tensors that outlive them, left the allocator with some 20 MB more in pieces after these steps, and
    /// with gigabytes after 30 of 8192 rows.
    /// </summary>
    [Theory]
    [MemberData(nameof(TiledSteps.All), MemberType = typeof(TiledSteps))]
    public void Steps_that_keep_tiles_leave_the_allocator_nothing_in_pieces(string steps)
    {
        if (!NativeMemory.IsKnown || NativeMemory.FullSize is not null) return;
        using var loop = new TiledSteps(steps, rows: steps == TiledSteps.TwoViews ? 1024 : 2048);
        loop.Run(3);
        var before = NativeMemory.Held;
        loop.Run(14);
        (NativeMemory.Held - before).Should().BeLessThan(14 << 20, "tiles are one allocation a step, which is given back");
    }

    /// <summary>
    /// The same at full size, one after the other, when asked for: <c>CONTRASTIVE_LOAD=4096x512x100 dotnet test
    /// tests/Contrastive.Tests --filter At_full_size</c>. Of this process's resident memory, which is why it runs alone.
    /// </summary>
    [Theory]
    [MemberData(nameof(TiledSteps.All), MemberType = typeof(TiledSteps))]
    public void At_full_size_the_peak_stays_that_of_the_first_step(string steps)
    {
        if (NativeMemory.FullSize is not var (rows, width, count) || !NativeMemory.TryResetPeak()) return;
        using var loop = new TiledSteps(steps, steps == TiledSteps.TwoViews ? rows / 2 : rows, width);
        loop.Run(1);
        var first = NativeMemory.Peak;
        loop.Run(count - 1);
        Console.WriteLine($"{steps}, {rows} x {width}: {first / 1e6:F0} MB in the first step, {NativeMemory.Peak / 1e6:F0} in {count}");
        NativeMemory.Peak.Should().BeLessThan((long)(1.2 * first));
    }

    [Fact]
    public void A_graph_that_grows_by_a_node_a_step_is_seen_though_the_number_of_tensors_stays()
    {
        using var start = zeros(1, requires_grad: true);
        var sum = start.clone();
        Step(500);
        TensorCount.Left(() => Step(100)).Should().Be(0);
        if (NativeMemory.IsKnown) NativeMemory.Growth(Step, windows: 5, runs: 400).Should().BeGreaterThan(100);
        sum.Dispose();

        void Step(int steps)
        {
            for (var i = 0; i < steps; i++)
            {
                var next = sum + start;
                sum.Dispose();
                sum = next;
            }
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
