using System.Runtime.InteropServices;

namespace Contrastive.Distributed;

/// <summary>The functions and handles of an MPI library. A handle is a word whatever the dialect: an address, a number or a small constant.</summary>
internal sealed unsafe class MpiLibrary
{
    private readonly nint _library;

    private MpiLibrary(string file, nint library, MpiDialect dialect)
    {
        (File, Dialect, _library) = (file, dialect, library);
        (World, Float, Double, Int64, Byte, Sum, ErrorsReturn) = dialect switch
        {
            MpiDialect.OpenMpi => (
                Export("ompi_mpi_comm_world"), Export("ompi_mpi_float"), Export("ompi_mpi_double"), Export("ompi_mpi_int64_t"),
                Export("ompi_mpi_byte"), Export("ompi_mpi_op_sum"), Export("ompi_mpi_errors_return")),
            MpiDialect.Mpich => ((nint)0x44000000, (nint)0x4c00040a, (nint)0x4c00080b, (nint)0x4c00083a, (nint)0x4c00010d, (nint)0x58000003, (nint)0x54000001),
            _ => ((nint)0x101, (nint)0x210, (nint)0x214, (nint)0x258, (nint)0x247, (nint)0x21, (nint)0x143),
        };
        InPlace = dialect == MpiDialect.Mpich ? (void*)-1 : (void*)1;
        Funneled = dialect == MpiDialect.Standard ? 1024 : 1;
        InitThread = (delegate* unmanaged<int*, byte***, int, int*, int>)Export("MPI_Init_thread");
        CommRank = (delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_rank");
        CommSize = (delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_size");
        SetErrorHandler = (delegate* unmanaged<nint, nint, int>)Export("MPI_Comm_set_errhandler");
        ErrorString = (delegate* unmanaged<int, byte*, int*, int>)Export("MPI_Error_string");
        Test = (delegate* unmanaged<long*, int*, void*, int>)Export("MPI_Test");
        Barrier = (delegate* unmanaged<nint, long*, int>)Export("MPI_Ibarrier");
        AllReduce = (delegate* unmanaged<void*, void*, int, nint, nint, nint, long*, int>)Export("MPI_Iallreduce");
        Broadcast = (delegate* unmanaged<void*, int, nint, int, nint, long*, int>)Export("MPI_Ibcast");
        AllGather = (delegate* unmanaged<void*, int, nint, void*, int*, int*, nint, nint, long*, int>)Export("MPI_Iallgatherv");
        ReduceScatter = (delegate* unmanaged<void*, void*, int*, nint, nint, nint, long*, int>)Export("MPI_Ireduce_scatter");
        AllToAll = (delegate* unmanaged<void*, int*, int*, nint, void*, int*, int*, nint, nint, long*, int>)Export("MPI_Ialltoallv");
        Send = (delegate* unmanaged<void*, int, nint, int, int, nint, long*, int>)Export("MPI_Isend");
        Receive = (delegate* unmanaged<void*, int, nint, int, int, nint, long*, int>)Export("MPI_Irecv");
        Abort = (delegate* unmanaged<nint, int, int>)Export("MPI_Abort");
        Finish = (delegate* unmanaged<int>)Export("MPI_Finalize");
    }

    public string File { get; }

    public MpiDialect Dialect { get; }

    public nint World { get; }

    public nint Float { get; }

    public nint Double { get; }

    public nint Int64 { get; }

    public nint Byte { get; }

    public nint Sum { get; }

    public nint ErrorsReturn { get; }

    public void* InPlace { get; }

    /// <summary>One thread makes all calls.</summary>
    public int Funneled { get; }

    public delegate* unmanaged<int*, byte***, int, int*, int> InitThread { get; }

    public delegate* unmanaged<nint, int*, int> CommRank { get; }

    public delegate* unmanaged<nint, int*, int> CommSize { get; }

    public delegate* unmanaged<nint, nint, int> SetErrorHandler { get; }

    public delegate* unmanaged<int, byte*, int*, int> ErrorString { get; }

    public delegate* unmanaged<long*, int*, void*, int> Test { get; }

    public delegate* unmanaged<nint, long*, int> Barrier { get; }

    public delegate* unmanaged<void*, void*, int, nint, nint, nint, long*, int> AllReduce { get; }

    public delegate* unmanaged<void*, int, nint, int, nint, long*, int> Broadcast { get; }

    public delegate* unmanaged<void*, int, nint, void*, int*, int*, nint, nint, long*, int> AllGather { get; }

    public delegate* unmanaged<void*, void*, int*, nint, nint, nint, long*, int> ReduceScatter { get; }

    public delegate* unmanaged<void*, int*, int*, nint, void*, int*, int*, nint, nint, long*, int> AllToAll { get; }

    public delegate* unmanaged<void*, int, nint, int, int, nint, long*, int> Send { get; }

    public delegate* unmanaged<void*, int, nint, int, int, nint, long*, int> Receive { get; }

    public delegate* unmanaged<nint, int, int> Abort { get; }

    public delegate* unmanaged<int> Finish { get; }

    /// <summary>The library that the launcher's processes use.</summary>
    /// <exception cref="DllNotFoundException">None of those it may be can be loaded.</exception>
    public static MpiLibrary Load(Launcher launcher, string? given)
    {
        // UCX would take over SIGSEGV, with which .NET finds its null references. .NET's own SetEnvironmentVariable does not reach native code.
        if (OperatingSystem.IsLinux()) _ = SetEnvironment("UCX_ERROR_SIGNALS", "", 1);
        if (given is { Length: > 0 })
        {
            if (!NativeLibrary.TryLoad(given, out var named))
                throw new DllNotFoundException($"{given}, which {Launcher.LibraryVariable} names, cannot be loaded");
            return new MpiLibrary(given, named, DialectOf(given, named));
        }
        foreach (var (file, dialect) in launcher.Libraries)
            if (NativeLibrary.TryLoad(file, out var library)) return new MpiLibrary(file, library, dialect);
        throw new DllNotFoundException(
            $"{launcher.Name} started this process ({launcher.Variable}={launcher.Size}), but none of its libraries "
            + $"({string.Join(", ", launcher.Libraries.Select(library => library.File))}) can be loaded: install it, or name the file in {Launcher.LibraryVariable}");
    }

    private static MpiDialect DialectOf(string file, nint library)
        => NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _) ? MpiDialect.OpenMpi
            : Path.GetFileName(file).Contains("mpi_abi", StringComparison.Ordinal) ? MpiDialect.Standard
            : MpiDialect.Mpich;

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);

    [DllImport("libc", EntryPoint = "setenv", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetEnvironment(string name, string value, int overwrite);
}
