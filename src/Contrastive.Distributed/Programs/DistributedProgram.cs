using System.Diagnostics;
using System.Runtime.InteropServices;
using Contrastive.Numerics;

namespace Contrastive.Distributed;

/// <summary>
/// A program that a launcher (<c>mpirun</c>, <c>srun</c>) started several times, or that was started alone. It alone initialises and
/// finalises MPI, and sees to it that all ranks end when one of them cannot go on.
/// </summary>
/// <remarks>
/// <para>Started alone the program gets <see cref="Communicator.Single"/>, and no MPI is needed. Started by a launcher, the MPI library is
/// that of the launcher: Open MPI's, MPICH's, or one of the MPI-5 standard ABI; the environment variable CONTRASTIVE_MPI_LIBRARY names
/// another file. A library that does not see as many processes as the launcher started is refused.</para>
/// <para>An exception that the program does not catch, one of another thread, one of a task that nobody waited for, <c>Environment.Exit</c>
/// and a wait beyond the deadline end all ranks: the rank and what happened are written to the standard error stream, and the exit code is
/// not 0. A process that is killed cannot write anything: its launcher ends the others, and says which it was (MPICH by the process: with the environment
/// variable CONTRASTIVE_MPI_RANKS at 1 each rank names its own at the start).</para>
/// </remarks>
/// <example>
/// <code>
/// DistributedProgram.Run(args, communicator =>
/// {
///     if (communicator.Rank == 0) Console.WriteLine($"{communicator.Size} ranks");
/// });
/// </code>
/// </example>
public static class DistributedProgram
{
    private static int _started;

    /// <summary>How long a rank waits for the others if nothing else is said.</summary>
    public static TimeSpan DefaultDeadline { get; } = TimeSpan.FromMinutes(10);

    /// <summary>Runs a program on this rank, and returns when it has ended on all of them.</summary>
    /// <param name="args">The arguments of the process, which the MPI library may look at.</param>
    /// <param name="program">What every rank does.</param>
    /// <param name="deadline">
    /// How long a rank waits for the others in one operation; <see cref="DefaultDeadline"/> by default. Longer than rank 0 takes to write a
    /// checkpoint. Range: > 0.
    /// </param>
    /// <exception cref="InvalidOperationException">MPI was started in this process before, or the launcher started processes without MPI.</exception>
    /// <exception cref="DllNotFoundException">The MPI library of the launcher cannot be loaded.</exception>
    public static void Run(string[] args, Action<Communicator> program, TimeSpan? deadline = null)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(program);
        var patience = deadline ?? DefaultDeadline;
        Guard.Positive(patience.TotalSeconds, nameof(deadline));
        if (Launcher.Find(Environment.GetEnvironmentVariable) is not { } launcher)
        {
            program(Communicator.Single);
            return;
        }
        if (Interlocked.Exchange(ref _started, 1) != 0)
            throw new InvalidOperationException($"MPI can be started once in a process: call {nameof(DistributedProgram)}.{nameof(Run)} once, around the whole program");
        new MpiProgram(launcher, patience).Run(args, program);
    }

    /// <summary>The same for a program that waits for tasks.</summary>
    /// <param name="args">The arguments of the process, which the MPI library may look at.</param>
    /// <param name="program">What every rank does. Dispose scopes and <c>no_grad</c> do not outlive an <c>await</c>.</param>
    /// <param name="deadline">How long a rank waits for the others in one operation; <see cref="DefaultDeadline"/> by default. Range: > 0.</param>
    /// <exception cref="InvalidOperationException">MPI was started in this process before, or the launcher started processes without MPI.</exception>
    /// <exception cref="DllNotFoundException">The MPI library of the launcher cannot be loaded.</exception>
    public static void Run(string[] args, Func<Communicator, Task> program, TimeSpan? deadline = null)
    {
        ArgumentNullException.ThrowIfNull(program);
        Run(args, communicator => program(communicator).GetAwaiter().GetResult(), deadline);
    }
}

/// <summary>One run under a launcher.</summary>
internal sealed class MpiProgram(Launcher launcher, TimeSpan deadline)
{
    private readonly MpiThread _thread = new(deadline);
    private string _name = $"a rank of {launcher.Size}";
    private int _ending;
    private volatile bool _finished;

    public void Run(string[] args, Action<Communicator> program)
    {
        var library = MpiLibrary.Load(launcher, Environment.GetEnvironmentVariable(Launcher.LibraryVariable));
        var (rank, size) = _thread.Start(library, args);
        _name = $"rank {rank} of {size}";
        // The library of another launcher knows nothing of the other processes.
        if (size != launcher.Size)
            End($"{library.File} sees {size} processes but {launcher.Variable} says that {launcher.Name} started {launcher.Size}: "
                + $"the library is not the launcher's; name the right one in {Launcher.LibraryVariable}");

        if (Environment.GetEnvironmentVariable(Launcher.RanksVariable) == "1") Write("started");

        AppDomain.CurrentDomain.UnhandledException += (_, failure) => End($"{failure.ExceptionObject}");
        TaskScheduler.UnobservedTaskException += (_, failure) => End($"a task that nobody waited for failed: {failure.Exception}");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => End($"the process ends with code {Environment.ExitCode} before the program has ended on all ranks");
        try
        {
            var communicator = new MpiCommunicator(_thread, rank, size, End);
            program(communicator);
            // Tasks that failed unseen are found by the garbage collector.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            // Where another rank failed or is somewhere else, finalising would wait for ever.
            communicator.Barrier();
        }
        catch (Exception exception)
        {
            End($"{exception}");
        }
        // Where another thread has failed meanwhile, it ends this process.
        if (Interlocked.Exchange(ref _ending, 1) != 0) Thread.Sleep(Timeout.Infinite);
        if (!_thread.Finish())
        {
            Write("MPI_Finalize did not end");
            ExitAtOnce(1);
        }
        _finished = true;
    }

    /// <summary>Ends all ranks. Does not return.</summary>
    private void End(string reason)
    {
        if (Interlocked.Exchange(ref _ending, 1) != 0)
        {
            // ProcessExit after the end, or a second failure while the first one ends all.
            if (_finished) return;
            Thread.Sleep(Timeout.Infinite);
        }
        Write(reason);
        var code = Environment.ExitCode is > 0 and < 256 and var own ? own : 1;
        // A launcher that is told to end all passes on what it has read, and no more: on a busy machine the line above was lost.
        Thread.Sleep(TimeSpan.FromSeconds(0.2));
        _thread.Abort(code);
        // MPI ends this process; if it does not, the launcher ends the others when this one is gone.
        Thread.Sleep(TimeSpan.FromSeconds(10));
        ExitAtOnce(code);
    }

    private void Write(string reason)
    {
        using var process = Process.GetCurrentProcess();
        Console.Error.WriteLine($"{_name} (process {process.Id} on {Environment.MachineName}): {reason}");
        Console.Error.Flush();
    }

    /// <summary>Without what a process does at its end, which may wait for what never comes.</summary>
    [DllImport("libc", EntryPoint = "_exit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void ExitAtOnce(int code);
}
