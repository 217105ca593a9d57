using System.Globalization;

namespace Contrastive.Distributed;

/// <summary>Which MPI a library speaks: names are the same in all of them, but handles are not.</summary>
internal enum MpiDialect
{
    OpenMpi,
    Mpich,
    Standard,
}

/// <summary>What started this process as one of several, told by its environment.</summary>
/// <param name="Name">As users know it.</param>
/// <param name="Size">How many it started.</param>
/// <param name="Variable">Where it says so.</param>
/// <param name="Libraries">Which libraries its processes use, the likeliest first.</param>
internal sealed record Launcher(string Name, int Size, string Variable, IReadOnlyList<(string File, MpiDialect Dialect)> Libraries)
{
    /// <summary>Names the library's file where it is none of the usual ones.</summary>
    public const string LibraryVariable = "CONTRASTIVE_MPI_LIBRARY";

    /// <summary>With 1 each rank says at its start which process it is: a launcher may name a killed one by its process alone.</summary>
    public const string RanksVariable = "CONTRASTIVE_MPI_RANKS";

    private static readonly (string, MpiDialect) OpenMpi = ("libmpi.so.40", MpiDialect.OpenMpi);
    private static readonly (string, MpiDialect) Mpich = ("libmpich.so.12", MpiDialect.Mpich);
    private static readonly (string, MpiDialect) MpichOnly = ("libmpi.so.12", MpiDialect.Mpich);
    private static readonly (string, MpiDialect) Standard = ("libmpi_abi.so.0", MpiDialect.Standard);

    /// <summary>The launcher; null for a process that was started alone.</summary>
    /// <param name="environment">The value of a variable, or null.</param>
    /// <exception cref="InvalidOperationException">Several processes were started, but without MPI: each would take itself for the only one.</exception>
    public static Launcher? Find(Func<string, string?> environment)
    {
        if (Of("Open MPI's mpirun", "OMPI_COMM_WORLD_SIZE", OpenMpi, Standard) is { } open) return open;
        if (Of("MPICH's mpirun, or srun --mpi=pmi2", "PMI_SIZE", Mpich, MpichOnly, OpenMpi, Standard) is { } mpich) return mpich;
        var slurm = Of("srun --mpi=pmix", "SLURM_STEP_NUM_TASKS", OpenMpi, Mpich, MpichOnly, Standard);
        if (slurm is not null && environment("PMIX_RANK") is not null) return slurm;
        if (slurm is { Size: > 1 })
            throw new InvalidOperationException(
                $"srun started {slurm.Size} tasks without MPI, and each would take itself for the only one: start with srun --mpi=pmix, or --mpi=pmi2 (srun --mpi=list says what there is)");
        return null;

        Launcher? Of(string name, string variable, params (string, MpiDialect)[] libraries)
            => int.TryParse(environment(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size > 0
                ? new Launcher(name, size, variable, libraries)
                : null;
    }
}
