using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Text;

namespace Contrastive.Distributed;

/// <summary>
/// The one thread that makes all calls of an MPI library. What has to be waited for is asked for again and again (blocking calls are many
/// times slower where ranks share cores), until a deadline.
/// </summary>
internal sealed unsafe class MpiThread
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly TimeSpan _deadline;
    private MpiLibrary? _library;
    private volatile string? _broken;
    private volatile int _abort;

    public MpiThread(TimeSpan deadline)
    {
        _deadline = deadline;
        new Thread(() =>
        {
            foreach (var work in _work.GetConsumingEnumerable()) work();
        })
        {
            Name = "MPI",
            IsBackground = true,
        }.Start();
    }

    public MpiLibrary Library => _library!;

    /// <summary>Initialises MPI. Once in a process.</summary>
    /// <returns>Rank and size.</returns>
    public (int Rank, int Size) Start(MpiLibrary library, string[] args)
    {
        _library = library;
        return Do(() =>
        {
            // The library may look at the arguments, and may keep them.
            var values = (byte**)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)(args.Length + 2), (nuint)sizeof(byte*));
            var all = new[] { Environment.ProcessPath ?? "dotnet" }.Concat(args).ToArray();
            for (var i = 0; i < all.Length; i++) values[i] = (byte*)System.Runtime.InteropServices.Marshal.StringToCoTaskMemUTF8(all[i]);
            var (count, provided, rank, size) = (all.Length, 0, 0, 0);
            Check(library.InitThread(&count, &values, library.Funneled, &provided), "MPI_Init_thread");
            Check(library.CommRank(library.World, &rank), "MPI_Comm_rank");
            Check(library.CommSize(library.World, &size), "MPI_Comm_size");
            // An error is an exception that says which operation it was, and not the end of the process.
            Check(library.SetErrorHandler(library.World, library.ErrorsReturn), "MPI_Comm_set_errhandler");
            return (rank, size);
        });
    }

    /// <summary>Starts what cannot block, and waits until it is done.</summary>
    /// <param name="operation">For messages.</param>
    /// <param name="start">Makes the calls. Gets a zeroed request for each.</param>
    /// <param name="requests">How many calls.</param>
    /// <param name="keepAlive">Whose memory the calls use.</param>
    public void Wait(string operation, Func<nint, int> start, int requests, params object[] keepAlive)
    {
        if (_broken is { } before) throw new InvalidOperationException($"{operation}: an operation before it was given up ({before}), and the ranks are no longer in step");
        Do(() =>
        {
            // Not on the stack: where the wait is given up, MPI still has the requests.
            var all = (long*)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)requests, sizeof(long));
            Check(start((nint)all), operation);
            for (var i = 0; i < requests; i++) Poll(all + i, operation, keepAlive);
            System.Runtime.InteropServices.NativeMemory.Free(all);
            GC.KeepAlive(keepAlive);
            return true;
        });
    }

    /// <summary>Ends all ranks, from whatever thread, even while another one waits. MPI ends this process too, as a rule.</summary>
    public void Abort(int code)
    {
        _abort = code;
        _work.Add(() => Library.Abort(Library.World, code));
    }

    /// <summary>Finalises MPI. False where that did not end before the deadline.</summary>
    public bool Finish()
    {
        using var done = new ManualResetEventSlim();
        _work.Add(() =>
        {
            _ = Library.Finish();
            done.Set();
        });
        return done.Wait(_deadline);
    }

    private void Poll(long* request, string operation, object[] keepAlive)
    {
        var status = stackalloc byte[64];
        var (until, patient) = (DateTime.UtcNow + _deadline, DateTime.UtcNow + TimeSpan.FromSeconds(2));
        while (true)
        {
            // Several at a time: a large message goes a piece a call.
            for (var i = 0; i < 64; i++)
            {
                var flag = 0;
                Check(Library.Test(request, &flag, status), operation);
                if (flag != 0) return;
                if (_abort != 0) Library.Abort(Library.World, _abort);
                Thread.Yield();
            }
            var now = DateTime.UtcNow;
            if (now > until)
            {
                _broken = $"{operation}, after {_deadline.TotalSeconds:G3} s";
                Abandoned.Add(keepAlive);
                throw new TimeoutException(
                    $"waited {_deadline.TotalSeconds:G3} s in {operation} for the other ranks: one of them is at something else, or hangs");
            }
            // A rank that waits this long leaves the core to those that work.
            if (now > patient) Thread.Sleep(1);
        }
    }

    /// <summary>Memory that MPI may still write to.</summary>
    private static readonly ConcurrentBag<object[]> Abandoned = [];

    private T Do<T>(Func<T> call)
    {
        var (result, failure) = (default(T), (ExceptionDispatchInfo?)null);
        using var done = new ManualResetEventSlim();
        _work.Add(() =>
        {
            try
            {
                result = call();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
            done.Set();
        });
        done.Wait();
        failure?.Throw();
        return result!;
    }

    private void Check(int code, string operation)
    {
        if (code == 0) return;
        var text = stackalloc byte[8192];
        var length = 0;
        var message = Library.ErrorString(code, text, &length) == 0 ? Encoding.UTF8.GetString(text, length) : $"error {code}";
        throw new InvalidOperationException($"{operation}: {message} ({Library.File})");
    }
}
