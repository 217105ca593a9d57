using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>Processes that an MPI launcher started, as ranks.</summary>
internal sealed unsafe class MpiCommunicator(MpiThread thread, int rank, int size, Action<string> abort) : Communicator
{
    /// <summary>Counts of MPI are 32 bits: longer sums and broadcasts go in pieces.</summary>
    private const long Piece = 1 << 28;

    private readonly MpiLibrary _mpi = thread.Library;

    public override int Rank => rank;

    public override int Size => size;

    private protected override void Wait() => thread.Wait(nameof(Barrier), request => _mpi.Barrier(_mpi.World, (long*)request), 1);

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    public override void Abort(string reason)
    {
        abort(reason);
        throw new InvalidOperationException(reason);
    }

    private protected override void Sum(Tensor values)
    {
        using var flat = values.view(-1);
        for (var first = 0L; first < flat.numel(); first += Piece)
        {
            using var part = flat.narrow(0, first, Math.Min(Piece, flat.numel() - first));
            var (at, count, type) = (Start(part), (int)part.numel(), TypeOf(part.dtype));
            thread.Wait(
                nameof(AllReduce), request => _mpi.AllReduce(_mpi.InPlace, (void*)at, count, type, _mpi.Sum, _mpi.World, (long*)request), 1, values, part);
        }
    }

    private protected override void Send(Tensor values, int root)
    {
        using var flat = values.view(-1);
        var piece = Piece / values.element_size();
        for (var first = 0L; first < flat.numel(); first += piece)
        {
            using var part = flat.narrow(0, first, Math.Min(piece, flat.numel() - first));
            var (at, bytes) = (Start(part), (int)(part.numel() * part.element_size()));
            thread.Wait(nameof(Broadcast), request => _mpi.Broadcast((void*)at, bytes, _mpi.Byte, root, _mpi.World, (long*)request), 1, values, part);
        }
    }

    private protected override void Gather(Tensor own, Tensor all, IReadOnlyList<long> counts)
    {
        var (type, perRow) = UnitsOfRow(all);
        var (sizes, places) = Table(nameof(AllGatherRows), counts, perRow);
        var (from, to, count) = (Start(own), Start(all), sizes[rank]);
        fixed (int* sizesAt = sizes, placesAt = places)
        {
            var (s, p) = ((nint)sizesAt, (nint)placesAt);
            thread.Wait(
                nameof(AllGatherRows),
                request => _mpi.AllGather((void*)from, count, type, (void*)to, (int*)s, (int*)p, type, _mpi.World, (long*)request),
                1,
                own,
                all);
        }
    }

    private protected override void ReduceScatter(Tensor rows, Tensor own, IReadOnlyList<long> counts)
    {
        var (sizes, _) = Table(nameof(ReduceScatterRows), counts, rows.numel() / rows.shape[0]);
        var (from, to, type) = (Start(rows), Start(own), TypeOf(rows.dtype));
        fixed (int* sizesAt = sizes)
        {
            var s = (nint)sizesAt;
            thread.Wait(
                nameof(ReduceScatterRows),
                request => _mpi.ReduceScatter((void*)from, (void*)to, (int*)s, type, _mpi.Sum, _mpi.World, (long*)request),
                1,
                rows,
                own);
        }
    }

    private protected override void PassOn(Tensor rows, Tensor before)
    {
        var (type, perRow) = UnitsOfRow(rows);
        var (from, to) = (Start(rows), Start(before));
        var (sent, taken) = (Count(nameof(Shift), rows.shape[0] * perRow), Count(nameof(Shift), before.shape[0] * perRow));
        thread.Wait(
            nameof(Shift),
            requests =>
            {
                var both = (long*)requests;
                var code = _mpi.Receive((void*)to, taken, type, (rank + size - 1) % size, 0, _mpi.World, both);
                return code != 0 ? code : _mpi.Send((void*)from, sent, type, (rank + 1) % size, 0, _mpi.World, both + 1);
            },
            2,
            rows,
            before);
    }

    private protected override void Swap(Tensor rows, IReadOnlyList<long> counts, Tensor taken, IReadOnlyList<long> received)
    {
        var (type, perRow) = UnitsOfRow(rows);
        var (sizes, places) = Table(nameof(ExchangeRows), counts, perRow);
        var (takenSizes, takenPlaces) = Table(nameof(ExchangeRows), received, perRow);
        var (from, to) = (Start(rows), Start(taken));
        fixed (int* sizesAt = sizes, placesAt = places, takenSizesAt = takenSizes, takenPlacesAt = takenPlaces)
        {
            var (s, p, ts, tp) = ((nint)sizesAt, (nint)placesAt, (nint)takenSizesAt, (nint)takenPlacesAt);
            thread.Wait(
                nameof(ExchangeRows),
                request => _mpi.AllToAll(
                    (void*)from, (int*)s, (int*)p, type, (void*)to, (int*)ts, (int*)tp, type, _mpi.World, (long*)request),
                1,
                rows,
                taken);
        }
    }

    private nint TypeOf(ScalarType type) => type switch
    {
        ScalarType.Float32 => _mpi.Float,
        ScalarType.Float64 => _mpi.Double,
        _ => _mpi.Int64,
    };

    /// <summary>Rows travel as they are: as words where their bytes are whole words, which counts of 32 bits reach further with.</summary>
    private (nint Type, long PerRow) UnitsOfRow(Tensor rows)
    {
        var bytes = rows.shape[1..].Aggregate(rows.element_size(), (product, size) => product * size);
        return bytes % 8 == 0 ? (_mpi.Int64, bytes / 8) : bytes % 4 == 0 ? (_mpi.Float, bytes / 4) : (_mpi.Byte, bytes);
    }

    /// <summary>Counts and places of the ranks' rows.</summary>
    private static (int[] Sizes, int[] Places) Table(string operation, IReadOnlyList<long> counts, long perRow)
    {
        var (sizes, places, at) = (new int[counts.Count], new int[counts.Count], 0L);
        for (var other = 0; other < counts.Count; other++)
        {
            (sizes[other], places[other]) = (Count(operation, counts[other] * perRow), Count(operation, at));
            at += counts[other] * perRow;
        }
        return (sizes, places);
    }

    private static int Count(string operation, long units)
        => units <= int.MaxValue
            ? (int)units
            : throw new NotSupportedException($"{operation}: MPI counts to {int.MaxValue}, but there are {units} words: give fewer rows at a time");

    /// <summary>The first byte of a tensor on the CPU. Native memory: nothing moves it while the tensor lives.</summary>
    private static nint Start(Tensor tensor)
    {
        if (tensor.numel() == 0) return 0;
        using var flat = tensor.view(-1);
        using var first = flat.narrow(0, 0, 1);
        return (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }
}
