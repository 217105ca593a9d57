using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>
/// The ranks of a program that runs several times at once, and what they can tell each other: one of <see cref="Size"/> processes, or of
/// as many threads (<see cref="ThreadGroup"/>), or one alone (<see cref="Single"/>).
/// </summary>
/// <remarks>
/// <para>Every operation is a meeting: all ranks call it, in the same order, or none gets past it. A rank that waits longer than the
/// deadline throws a <see cref="TimeoutException"/>. What does not fit together (other widths, another dtype) is refused on all ranks.</para>
/// <para>Sums are of float32, float64 or int64; half precision is summed in float32. Rows can be of any dtype. Tensors of other devices
/// are copied to the CPU, on CUDA through pinned memory, and back. No gradient goes through a communicator. It is used by one thread.</para>
/// </remarks>
public abstract class Communicator
{
    private protected Communicator()
    {
    }

    /// <summary>A single rank, 0 of 1: every operation is done at once.</summary>
#pragma warning disable CA1720 // One alone, and no float.
    public static Communicator Single { get; } = new SingleRank();
#pragma warning restore CA1720

    /// <summary>Which of the ranks this is. Range: 0 ≤ rank &lt; <see cref="Size"/>.</summary>
    public abstract int Rank { get; }

    /// <summary>K, how many ranks there are.</summary>
    public abstract int Size { get; }

    /// <summary>
    /// The bytes that this rank has sent so far, as the usual algorithms send them: of a sum 2 (K-1)/K of its size, of rows that all ranks get
    /// K-1 times theirs.
    /// </summary>
    public long BytesSent { get; private set; }

    /// <summary>How long this rank has been in meetings so far: exchange, and waiting for the others.</summary>
    public TimeSpan MeetingTime { get; private set; }

    /// <summary>Replaces a tensor by the sum over all ranks, the same bits on each.</summary>
    /// <param name="tensor">Any shape, the same on all ranks: float16, bfloat16, float32, float64 or int64.</param>
    /// <exception cref="ArgumentException">The dtype cannot be summed.</exception>
    /// <exception cref="InvalidOperationException">The ranks' tensors differ in size or dtype.</exception>
    public void AllReduce(Tensor tensor)
    {
        CheckSummable(tensor);
        if (Size == 1) return;
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        CheckAlike(tensor.numel(), tensor.dtype, nameof(AllReduce));
        if (tensor.numel() == 0) return;
        var host = OnHost(tensor).To(UnitRows.ComputeType(tensor.dtype));
        Timed(2 * Bytes(host) * (Size - 1) / Size, () => Sum(host));
        if (!SharesMemory(host, tensor)) tensor.detach().copy_(host);
    }

    /// <summary>Replaces a tensor by that of one rank.</summary>
    /// <param name="tensor">Any shape and dtype, the same on all ranks.</param>
    /// <param name="root">Whose. Range: 0 ≤ root &lt; <see cref="Size"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such rank.</exception>
    /// <exception cref="InvalidOperationException">The ranks' tensors differ in size or dtype.</exception>
    public void Broadcast(Tensor tensor, int root = 0)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (root < 0 || root >= Size)
            throw new ArgumentOutOfRangeException(nameof(root), root, $"root must be one of the ranks 0 to {Size - 1} but is {root}");
        if (Size == 1) return;
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        CheckAlike(tensor.numel(), tensor.dtype, nameof(Broadcast));
        if (tensor.numel() == 0) return;
        var host = OnHost(tensor);
        Timed(Rank == root ? Bytes(host) * (Size - 1) : 0, () => Send(host, root));
        if (!SharesMemory(host, tensor)) tensor.detach().copy_(host);
    }

    /// <summary>The rows of all ranks below each other, in the order of the ranks.</summary>
    /// <param name="rows">(n, …), n of this rank; none is allowed. Without n the shape and the dtype are the same on all ranks.</param>
    /// <returns>(Σ n, …), on the device of <paramref name="rows"/>, the same on all ranks, without a graph.</returns>
    /// <exception cref="ArgumentException">The tensor has no dimension.</exception>
    /// <exception cref="InvalidOperationException">The ranks' rows differ in width or dtype.</exception>
    public Tensor AllGatherRows(Tensor rows)
    {
        CheckRows(rows);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        if (Size == 1) return rows.detach().clone().MoveToOuterDisposeScope();
        var counts = CheckSameRows(Meet(HeaderOf(rows)), nameof(AllGatherRows));
        var all = HostRows(rows, counts.Sum());
        if (all.numel() > 0) TimedGather(OnHost(rows), all, counts);
        return all.to(rows.device).MoveToOuterDisposeScope();
    }

    /// <summary>Sums the rows of all ranks, and gives each rank those that are its own.</summary>
    /// <param name="rows">(Σ n, …), of the same shape and dtype on all ranks: the rows of rank 0, below them those of rank 1, and so on.</param>
    /// <param name="counts">n of each rank, the same on all ranks.</param>
    /// <returns>(n, …), the sum over the ranks of this rank's rows, on the device of <paramref name="rows"/>.</returns>
    /// <exception cref="ArgumentException">The counts do not add up to the rows, or the dtype cannot be summed.</exception>
    /// <exception cref="InvalidOperationException">The ranks' rows or counts differ.</exception>
    public Tensor ReduceScatterRows(Tensor rows, IReadOnlyList<long> counts)
    {
        CheckRows(rows);
        CheckSummable(rows);
        CheckCounts(rows, counts);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        if (Size == 1) return rows.detach().clone().MoveToOuterDisposeScope();
        var headers = Meet([.. HeaderOf(rows), .. counts]);
        CheckSameRows(headers, nameof(ReduceScatterRows));
        for (var rank = 1; rank < Size; rank++)
            if (!headers[rank].AsSpan(3).SequenceEqual(headers[0].AsSpan(3)))
                throw new InvalidOperationException(
                    $"{nameof(ReduceScatterRows)}: rank {rank} says the ranks have ({string.Join(", ", headers[rank][3..])}) rows "
                    + $"but rank 0 says ({string.Join(", ", headers[0][3..])})");
        var type = UnitRows.ComputeType(rows.dtype);
        var own = empty([counts[Rank], .. rows.shape[1..]], dtype: type, device: CPU);
        if (rows.numel() > 0)
        {
            var addends = OnHost(rows).To(type);
            Timed(Bytes(addends) - Bytes(own), () => ReduceScatter(addends, own, counts));
        }
        return own.to(rows.dtype).to(rows.device).MoveToOuterDisposeScope();
    }

    /// <summary>Hands rows to the next rank and takes those of the one before, in a ring.</summary>
    /// <param name="rows">(n, …), n of this rank.</param>
    /// <returns>(m, …), the rows of the rank before, on the device of <paramref name="rows"/>; of rank 0 those of the last rank.</returns>
    /// <exception cref="InvalidOperationException">The ranks' rows differ in width or dtype.</exception>
    public Tensor Shift(Tensor rows)
    {
        CheckRows(rows);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        if (Size == 1) return rows.detach().clone().MoveToOuterDisposeScope();
        var counts = CheckSameRows(Meet(HeaderOf(rows)), nameof(Shift));
        var before = HostRows(rows, counts[(Rank + Size - 1) % Size]);
        var passed = OnHost(rows);
        Timed(Bytes(passed), () => PassOn(passed, before));
        return before.to(rows.device).MoveToOuterDisposeScope();
    }

    /// <summary>Gives each rank some rows, and takes what each has for this one.</summary>
    /// <param name="rows">(Σ n, …): the rows for rank 0, below them those for rank 1, and so on.</param>
    /// <param name="counts">How many for each rank.</param>
    /// <returns>(Σ m, …), what rank 0 had for this rank, below it what rank 1 had, and so on, on the device of <paramref name="rows"/>.</returns>
    /// <exception cref="ArgumentException">The counts do not add up to the rows.</exception>
    /// <exception cref="InvalidOperationException">The ranks' rows differ in width or dtype.</exception>
    public Tensor ExchangeRows(Tensor rows, IReadOnlyList<long> counts) => ExchangeRows(rows, counts, out _);

    /// <summary>The same, and how many rows each rank had for this one.</summary>
    internal Tensor ExchangeRows(Tensor rows, IReadOnlyList<long> counts, out long[] received)
    {
        CheckRows(rows);
        CheckCounts(rows, counts);
        received = [rows.shape[0]];
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        if (Size == 1) return rows.detach().clone().MoveToOuterDisposeScope();
        var headers = Meet([.. HeaderOf(rows), .. counts]);
        CheckSameRows(headers, nameof(ExchangeRows));
        var from = received = [.. headers.Select(header => header[3 + Rank])];
        var taken = HostRows(rows, received.Sum());
        var given = OnHost(rows);
        Timed(Bytes(given) - (counts[Rank] * Width(rows) * given.element_size()), () => Swap(given, counts, taken, from));
        return taken.to(rows.device).MoveToOuterDisposeScope();
    }

    /// <summary>Waits until all ranks are here.</summary>
    public void Barrier()
    {
        if (Size > 1) Timed(0, Wait);
    }

    /// <summary>Ends all ranks, with a line that names this one; the exit code of processes is not 0. For what cannot go on; an exception does the same.</summary>
    /// <param name="reason">What went wrong.</param>
    [DoesNotReturn]
    public abstract void Abort(string reason);

    /// <summary>The numbers of each rank, as many on all of them.</summary>
    internal long[][] Meet(params long[] numbers)
    {
        if (Size == 1) return [numbers];
        using var scope = NewDisposeScope();
        var own = tensor(numbers, dtype: ScalarType.Int64).reshape(1, numbers.Length);
        var all = empty([Size, numbers.Length], dtype: ScalarType.Int64, device: CPU);
        TimedGather(own, all, [.. Enumerable.Repeat(1L, Size)]);
        return [.. all.data<long>().ToArray().Chunk(numbers.Length)];
    }

    // What engines do. Tensors are contiguous, on the CPU and not empty, but where something else is said.

    private protected abstract void Wait();

    private protected abstract void Sum(Tensor values);

    private protected abstract void Send(Tensor values, int root);

    /// <param name="own">May be empty.</param>
    /// <param name="all">Where the rows of all ranks go.</param>
    /// <param name="counts">The rows of each rank.</param>
    private protected abstract void Gather(Tensor own, Tensor all, IReadOnlyList<long> counts);

    /// <param name="rows">The addends.</param>
    /// <param name="own">Where the sum of this rank's rows goes; may be empty.</param>
    /// <param name="counts">The rows of each rank.</param>
    private protected abstract void ReduceScatter(Tensor rows, Tensor own, IReadOnlyList<long> counts);

    /// <param name="rows">For the next rank; may be empty.</param>
    /// <param name="before">Where those of the rank before go; may be empty.</param>
    private protected abstract void PassOn(Tensor rows, Tensor before);

    /// <param name="rows">For all ranks; may be empty.</param>
    /// <param name="counts">How many for each.</param>
    /// <param name="taken">Where those of all ranks go; may be empty.</param>
    /// <param name="received">How many of each.</param>
    private protected abstract void Swap(Tensor rows, IReadOnlyList<long> counts, Tensor taken, IReadOnlyList<long> received);

    private void TimedGather(Tensor own, Tensor all, IReadOnlyList<long> counts) => Timed(Bytes(own) * (Size - 1), () => Gather(own, all, counts));

    private void Timed(long bytes, Action meeting)
    {
        var start = Stopwatch.GetTimestamp();
        meeting();
        MeetingTime += Stopwatch.GetElapsedTime(start);
        BytesSent += bytes;
    }

    private static long Bytes(Tensor tensor) => tensor.numel() * tensor.element_size();

    private static long[] HeaderOf(Tensor rows) => [rows.shape[0], Width(rows), (long)rows.dtype];

    private static long Width(Tensor rows) => rows.shape[1..].Aggregate(1L, (product, size) => product * size);

    private void CheckAlike(long numbers, ScalarType type, string operation)
    {
        var headers = Meet(numbers, (long)type);
        for (var rank = 1; rank < Size; rank++)
            if (!headers[rank].SequenceEqual(headers[0]))
                throw new InvalidOperationException(
                    $"{operation}: rank {rank} has {headers[rank][0]} numbers of {(ScalarType)headers[rank][1]} "
                    + $"but rank 0 has {headers[0][0]} of {(ScalarType)headers[0][1]}");
    }

    /// <summary>Refuses rows that differ in width or dtype; the rows of each rank.</summary>
    private static long[] CheckSameRows(long[][] headers, string operation)
    {
        for (var rank = 1; rank < headers.Length; rank++)
            if (headers[rank][1] != headers[0][1] || headers[rank][2] != headers[0][2])
                throw new InvalidOperationException(
                    $"{operation}: rows of rank {rank} have {headers[rank][1]} numbers of {(ScalarType)headers[rank][2]} "
                    + $"but those of rank 0 have {headers[0][1]} of {(ScalarType)headers[0][2]}");
        return [.. headers.Select(header => header[0])];
    }

    private static void CheckSummable(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (!Guard.IsFloating(tensor.dtype) && tensor.dtype != ScalarType.Int64)
            throw new ArgumentException($"{name} must be float16, bfloat16, float32, float64 or int64 but is {tensor.dtype}", name);
    }

    private static void CheckRows(Tensor rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.dim() == 0) throw new ArgumentException("rows must have the shape (n, …) but have ()", nameof(rows));
    }

    private void CheckCounts(Tensor rows, IReadOnlyList<long> counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        if (counts.Count != Size || counts.Any(count => count < 0))
            throw new ArgumentException($"counts must be {Size} numbers, one a rank, of 0 or more, but are ({string.Join(", ", counts)})", nameof(counts));
        if (counts.Sum() != rows.shape[0])
            throw new ArgumentException($"counts add up to {counts.Sum()} but there are {rows.shape[0]} rows", nameof(counts));
    }

    private static Tensor HostRows(Tensor like, long count) => empty([count, .. like.shape[1..]], dtype: like.dtype, device: CPU);

    /// <summary>On the CPU and contiguous: the tensor's own memory where it is that already.</summary>
    private static Tensor OnHost(Tensor tensor)
    {
        tensor = tensor.detach();
        if (tensor.device_type == DeviceType.CPU) return tensor.contiguous();
        var host = empty(tensor.shape, dtype: tensor.dtype, device: CPU);
        if (tensor.device_type == DeviceType.CUDA) host = host.pin_memory();
        return host.copy_(tensor);
    }

    private static bool SharesMemory(Tensor host, Tensor tensor)
        => tensor.device_type == DeviceType.CPU && tensor.is_contiguous() && host.dtype == tensor.dtype;

    private sealed class SingleRank : Communicator
    {
        public override int Rank => 0;

        public override int Size => 1;

        [DoesNotReturn]
        public override void Abort(string reason) => throw new InvalidOperationException($"rank 0 of 1: {reason}");

        // One rank has nobody to meet: none of these is ever called.

        private protected override void Wait() => throw new InvalidOperationException();

        private protected override void Sum(Tensor values) => throw new InvalidOperationException();

        private protected override void Send(Tensor values, int root) => throw new InvalidOperationException();

        private protected override void Gather(Tensor own, Tensor all, IReadOnlyList<long> counts) => throw new InvalidOperationException();

        private protected override void ReduceScatter(Tensor rows, Tensor own, IReadOnlyList<long> counts) => throw new InvalidOperationException();

        private protected override void PassOn(Tensor rows, Tensor before) => throw new InvalidOperationException();

        private protected override void Swap(Tensor rows, IReadOnlyList<long> counts, Tensor taken, IReadOnlyList<long> received)
            => throw new InvalidOperationException();
    }
}
