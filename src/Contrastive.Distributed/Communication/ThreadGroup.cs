using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>Ranks that are threads of one process: a program for several processes, tried without launcher and without MPI.</summary>
/// <remarks>
/// <para>Sums are in the order of the ranks, so that a run gives the same bits each time. The threads share torch's own random generator:
/// give each rank one of its own.</para>
/// <para>When a rank fails, those that wait for it fail too. Ranks that are not in the same operation, or wait for one that has ended or
/// that does not come before the deadline, fail with a message that names them; every operation after that fails too, and so does the run.</para>
/// </remarks>
public static class ThreadGroup
{
    /// <summary>How long a rank waits for the others if nothing else is said.</summary>
    public static TimeSpan DefaultDeadline { get; } = TimeSpan.FromMinutes(10);

    /// <summary>Runs a program once on each rank, and returns when all have ended.</summary>
    /// <param name="size">K, how many ranks. Range: ≥ 1.</param>
    /// <param name="program">What each of them does.</param>
    /// <param name="deadline">How long a rank waits for the others; <see cref="DefaultDeadline"/> by default. Range: > 0.</param>
    /// <exception cref="InvalidOperationException">A rank failed: the message names it, and its exception is the inner one.</exception>
    public static void Run(int size, Action<Communicator> program, TimeSpan? deadline = null)
    {
        ArgumentNullException.ThrowIfNull(program);
        Run(size, communicator =>
        {
            program(communicator);
            return true;
        }, deadline);
    }

    /// <summary>Runs a program once on each rank, and returns what each of them gave, in their order.</summary>
    /// <typeparam name="T">What a rank gives.</typeparam>
    /// <param name="size">K, how many ranks. Range: ≥ 1.</param>
    /// <param name="program">What each of them does.</param>
    /// <param name="deadline">How long a rank waits for the others; <see cref="DefaultDeadline"/> by default. Range: > 0.</param>
    /// <exception cref="InvalidOperationException">A rank failed: the message names it, and its exception is the inner one.</exception>
    public static T[] Run<T>(int size, Func<Communicator, T> program, TimeSpan? deadline = null)
    {
        Guard.AtLeast(size, 1);
        ArgumentNullException.ThrowIfNull(program);
        var patience = deadline ?? DefaultDeadline;
        Guard.Positive(patience.TotalSeconds, nameof(deadline));

        var meeting = new ThreadMeeting(size, patience);
        var results = new T[size];
        var threads = Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                results[rank] = program(new ThreadRank(rank, size, meeting));
                meeting.End(rank);
            }
            catch (Exception exception)
            {
                meeting.Fail(rank, exception);
            }
        })
        {
            Name = $"rank {rank} of {size}",
            IsBackground = true,
        }).ToArray();
        foreach (var thread in threads) thread.Start();
        meeting.WaitForAll();
        return results;
    }
}

/// <summary>Where the threads of a group meet.</summary>
internal sealed class ThreadMeeting(int size, TimeSpan deadline)
{
    private readonly object _door = new();
    private readonly string?[] _operations = new string?[size];
    private readonly object?[] _offers = new object?[size];
    private readonly bool[] _ended = new bool[size];
    private object?[] _met = [];
    private long _meeting;
    private (int Rank, Exception Exception)? _failure;

    /// <summary>Waits until all ranks are in the same operation; what each of them offered.</summary>
    /// <remarks>Nobody may change what was offered before all ranks have met once more.</remarks>
    public object?[] Meet(int rank, string operation, object? offer)
    {
        lock (_door)
        {
            ThrowIfFailed();
            (_operations[rank], _offers[rank]) = (operation, offer);
            if (_operations.All(each => each is not null))
            {
                for (var other = 1; other < size; other++)
                    if (_operations[other] != _operations[0])
                        throw GivenUp(rank, new InvalidOperationException($"rank {other} is in {_operations[other]} but rank 0 is in {_operations[0]}"));
                Array.Fill(_operations, null);
                _meeting++;
                // A copy: those who are quick offer something else before the others have woken.
                _met = [.. _offers];
                Monitor.PulseAll(_door);
                return _met;
            }
            if (Array.IndexOf(_ended, true) is >= 0 and var gone)
                throw GivenUp(rank, new InvalidOperationException($"rank {rank} is in {operation} but rank {gone} has ended"));

            var (meeting, until) = (_meeting, DateTime.UtcNow + deadline);
            while (_meeting == meeting)
            {
                var left = until - DateTime.UtcNow;
                if (left <= TimeSpan.Zero || !Monitor.Wait(_door, left))
                {
                    if (_meeting != meeting) break;
                    ThrowIfFailed();
                    var missing = Enumerable.Range(0, size).Where(other => _operations[other] is null);
                    throw GivenUp(rank, new TimeoutException(
                        $"rank {rank} waited {deadline.TotalSeconds:G3} s in {operation}, for rank {string.Join(", ", missing)}"));
                }
                if (_meeting == meeting) ThrowIfFailed();
            }
            return _met;
        }
    }

    public void End(int rank)
    {
        lock (_door)
        {
            _ended[rank] = true;
            if (Array.FindIndex(_operations, operation => operation is not null) is >= 0 and var waiting)
                _failure ??= (waiting, new InvalidOperationException($"rank {waiting} is in {_operations[waiting]} but rank {rank} has ended"));
            Monitor.PulseAll(_door);
        }
    }

    public void Fail(int rank, Exception exception)
    {
        lock (_door)
        {
            _ended[rank] = true;
            GivenUp(rank, exception);
        }
    }

    /// <summary>Waits for the end of all ranks; after a failure no longer than the deadline.</summary>
    public void WaitForAll()
    {
        lock (_door)
        {
            while (_failure is null && _ended.Contains(false)) Monitor.Wait(_door);
            var until = DateTime.UtcNow + deadline;
            while (_ended.Contains(false) && until - DateTime.UtcNow is var left && left > TimeSpan.Zero) Monitor.Wait(_door, left);
            if (_failure is not var (rank, exception)) return;
            var running = Enumerable.Range(0, size).Where(other => !_ended[other]).ToArray();
            throw new InvalidOperationException(
                $"rank {rank} of {size} failed: {exception.Message}"
                + (running.Length == 0 ? "" : $" (rank {string.Join(", ", running)} is still at work and was left to itself)"),
                exception);
        }
    }

    /// <summary>
    /// Remembers that a rank did not get through an operation. The ranks are no longer in step then, even where the exception is caught: every later
    /// operation fails with the same story.
    /// </summary>
    private Exception GivenUp(int rank, Exception exception)
    {
        _failure ??= (rank, exception);
        Monitor.PulseAll(_door);
        return exception;
    }

    private void ThrowIfFailed()
    {
        if (_failure is var (rank, exception)) throw new InvalidOperationException($"rank {rank} of {size} failed: {exception.Message}", exception);
    }
}

/// <summary>A thread as a rank.</summary>
internal class ThreadRank(int rank, int size, ThreadMeeting meeting) : Communicator
{
    public override int Rank => rank;

    public override int Size => size;

    private protected override void Wait() => meeting.Meet(rank, nameof(Barrier), null);

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    public override void Abort(string reason) => throw new InvalidOperationException(reason);

    private protected override void Sum(Tensor values)
    {
        var total = SumOf(Offered(nameof(AllReduce), values), all => all);
        Left(nameof(AllReduce));
        values.copy_(total);
    }

    private protected override void Send(Tensor values, int root)
    {
        var all = Offered(nameof(Broadcast), values);
        if (rank != root) values.copy_(all[root]);
        Left(nameof(Broadcast));
    }

    private protected override void Gather(Tensor own, Tensor all, IReadOnlyList<long> counts)
    {
        var first = 0L;
        foreach (var (rows, count) in Offered(nameof(AllGatherRows), own).Zip(counts))
        {
            if (count > 0) all.narrow(0, first, count).copy_(rows);
            first += count;
        }
        Left(nameof(AllGatherRows));
    }

    private protected override void ReduceScatter(Tensor rows, Tensor own, IReadOnlyList<long> counts)
    {
        var (first, count) = (counts.Take(rank).Sum(), counts[rank]);
        var offered = Offered(nameof(ReduceScatterRows), rows);
        if (count > 0) own.copy_(SumOf(offered, all => all.narrow(0, first, count)));
        Left(nameof(ReduceScatterRows));
    }

    private protected override void PassOn(Tensor rows, Tensor before)
    {
        var all = Offered(nameof(Shift), rows);
        before.copy_(all[(rank + size - 1) % size]);
        Left(nameof(Shift));
    }

    private protected override void Swap(Tensor rows, IReadOnlyList<long> counts, Tensor taken, IReadOnlyList<long> received)
    {
        var offers = meeting.Meet(rank, nameof(ExchangeRows), (rows, counts));
        var at = 0L;
        for (var other = 0; other < size; other++)
        {
            if (received[other] == 0) continue;
            var (theirs, theirCounts) = ((Tensor, IReadOnlyList<long>))offers[other]!;
            taken.narrow(0, at, received[other]).copy_(theirs.narrow(0, theirCounts.Take(rank).Sum(), received[other]));
            at += received[other];
        }
        Left(nameof(ExchangeRows));
    }

    private Tensor[] Offered(string operation, Tensor offer) => [.. meeting.Meet(rank, operation, offer).Cast<Tensor>()];

    private void Left(string operation) => meeting.Meet(rank, $"the end of {operation}", null);

    /// <summary>In the order of the ranks, so that all of them get the same bits.</summary>
    private static Tensor SumOf(Tensor[] all, Func<Tensor, Tensor> part)
    {
        var total = part(all[0]).clone();
        foreach (var other in all[1..]) total.add_(part(other), total.dtype == ScalarType.Int64 ? Scalars.OneIndex : Scalars.One);
        return total;
    }
}
