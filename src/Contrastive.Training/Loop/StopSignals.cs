using System.Runtime.InteropServices;

namespace Contrastive.Training;

/// <summary>
/// An end in order on Ctrl-C (SIGINT) and on SIGTERM, which is how <c>kill</c>, a container or a job scheduler ends a program. The first
/// signal asks the training loop to end after the step in progress; a second one ends the process at once.
/// </summary>
/// <remarks>
/// While an object of this class lives, the first of these signals does not end the process, unless the token that it was given was
/// cancelled before. So keep it around the loop, and dispose of it after the loop. A loop that asks <see cref="IsRequested"/> after each
/// step can write a checkpoint and return <see cref="ExitCode"/>. Objects are independent of each other. Any thread may ask.
/// </remarks>
/// <example>
/// <code>
/// using var stop = new StopSignals();
/// var interval = CheckpointInterval.Every(TimeSpan.FromMinutes(5));
/// while (batches.Step &lt; steps)
/// {
///     TakeStep();
///     if (interval.IsDueAfterStep() || stop.IsRequested || batches.Step == steps)
///     {
///         CheckpointFile.Save("run.ckpt", header, parts);
///         interval.Restart();
///     }
///     if (stop.IsRequested) return stop.ExitCode;
/// }
/// </code>
/// </example>
public sealed class StopSignals : IDisposable
{
    private const int FirstSignalCode = 128;
    private const int Interrupt = 2;
    private const int Terminate = 15;

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop;
    private readonly PosixSignalRegistration[] _registrations;
    private bool _disposed;

    /// <summary>Listens from now on.</summary>
    /// <param name="further">Another way to ask for the end.</param>
    public StopSignals(CancellationToken further = default)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(further);
        Token = _stop.Token;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Receive),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Receive),
        ];
    }

    /// <summary>Cancelled when the end is asked for: for what takes a token, waits included.</summary>
    public CancellationToken Token { get; }

    /// <summary>Whether the end was asked for.</summary>
    public bool IsRequested => Token.IsCancellationRequested;

    /// <summary>The signal that asked for it; null if none did.</summary>
    public PosixSignal? Signal { get; private set; }

    /// <summary>
    /// What a shell expects of a program that a signal ended, 128 and the signal's number: 143 after SIGTERM, else 130, as after Ctrl-C.
    /// </summary>
    public int ExitCode => FirstSignalCode + (Signal == PosixSignal.SIGTERM ? Terminate : Interrupt);

    /// <summary>Listens no more: a signal ends the process again.</summary>
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

    internal void Receive(PosixSignalContext signal)
    {
        lock (_gate)
        {
            if (_disposed || _stop.IsCancellationRequested)
                return;
            signal.Cancel = true;
            Signal = signal.Signal;
            _stop.Cancel();
        }
    }
}
