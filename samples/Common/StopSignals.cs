using System.Runtime.InteropServices;

namespace Contrastive.Samples;

/// <summary>
/// Ctrl-C (SIGINT) and SIGTERM, which is how <c>kill</c>, a container or a job scheduler ends a program. The first signal asks
/// for an end after the step in progress; a second one ends the process at once.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop;
    private readonly PosixSignalRegistration[] _registrations;
    private bool _disposed;

    /// <param name="further">Another way to stop.</param>
    public StopSignals(CancellationToken further)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(further);
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Receive),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Receive),
        ];
    }

    public CancellationToken Token => _stop.Token;

    /// <summary>The shell's code for a program that the signal stopped: 128 and the signal's number.</summary>
    public int ExitCode { get; private set; } = SampleRunner.Interrupted;

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        // A signal that came before may still be on its way.
        lock (_gate)
        {
            _disposed = true;
            _stop.Dispose();
        }
    }

    private void Receive(PosixSignalContext signal)
    {
        lock (_gate)
        {
            if (_disposed || _stop.IsCancellationRequested)
                return;
            signal.Cancel = true;
            ExitCode = signal.Signal == PosixSignal.SIGTERM ? SampleRunner.Terminated : SampleRunner.Interrupted;
            _stop.Cancel();
        }
    }
}
