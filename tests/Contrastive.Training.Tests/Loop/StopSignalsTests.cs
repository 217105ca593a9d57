using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Contrastive.Training.Tests;

public class StopSignalsTests
{
    [Theory]
    [InlineData(PosixSignal.SIGINT, 130)]
    [InlineData(PosixSignal.SIGTERM, 143)]
    public void The_first_signal_asks_for_the_end_and_the_second_ends_the_process(PosixSignal signal, int code)
    {
        using var stop = new StopSignals();
        stop.IsRequested.Should().BeFalse();
        stop.Signal.Should().BeNull();

        var first = new PosixSignalContext(signal);
        stop.Receive(first);
        first.Cancel.Should().BeTrue("the process goes on");
        (stop.IsRequested, stop.Token.IsCancellationRequested, stop.Signal, stop.ExitCode).Should().Be((true, true, signal, code));

        var second = new PosixSignalContext(PosixSignal.SIGTERM);
        stop.Receive(second);
        second.Cancel.Should().BeFalse("the system does what it does with the signal");
        (stop.Signal, stop.ExitCode).Should().Be((signal, code), "the first signal asked");
    }

    [Fact]
    public void SIGTERM_itself_arrives_and_the_process_goes_on()
    {
        if (OperatingSystem.IsWindows()) return;
        using var stop = new StopSignals();
        using (var kill = Process.Start("sh", ["-c", $"kill -TERM {Environment.ProcessId}"])) kill.WaitForExit();

        stop.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(30)).Should().BeTrue();
        (stop.Signal, stop.ExitCode).Should().Be((PosixSignal.SIGTERM, 143));
    }

    [Fact]
    public void Another_way_to_stop_is_no_signal_and_a_signal_after_it_ends_the_process()
    {
        using var other = new CancellationTokenSource();
        using var stop = new StopSignals(other.Token);
        other.Cancel();
        stop.IsRequested.Should().BeTrue();
        (stop.Signal, stop.ExitCode).Should().Be((null, 130));

        var signal = new PosixSignalContext(PosixSignal.SIGTERM);
        stop.Receive(signal);
        signal.Cancel.Should().BeFalse();
        stop.Signal.Should().BeNull();
    }

    [Fact]
    public void A_signal_on_its_way_when_it_is_disposed_of_is_let_through()
    {
        var stop = new StopSignals();
        stop.Dispose();
        var late = new PosixSignalContext(PosixSignal.SIGINT);
        stop.Receive(late);
        late.Cancel.Should().BeFalse();
        (stop.IsRequested, stop.ExitCode).Should().Be((false, 130));
        stop.Token.CanBeCanceled.Should().BeTrue("it can still be asked");
        stop.Dispose();
    }

    [Fact]
    public void A_run_that_is_stopped_writes_a_checkpoint_after_the_step_in_progress()
    {
        using var folder = new TemporaryFolder();
        using var order = new TorchSharp.torch.Generator(1);
        using var batches = new ShuffledBatches(items: 12, batchSize: 4, order);
        var parts = new CheckpointParts().Module("batches", batches).Generator("order", order);
        using var stop = new StopSignals();

        while (!stop.IsRequested && batches.Step < 100)
        {
            using var ids = batches.Next();
            if (batches.Step == 5) stop.Receive(new PosixSignalContext(PosixSignal.SIGTERM));
            if (stop.IsRequested) CheckpointFile.Save(folder.Path("run.ckpt"), batches.Step, parts);
        }

        CheckpointFile.Open(folder.Path("run.ckpt")).Header<long>().Should().Be(5);
    }
}
