using System.CommandLine;
using Contrastive.Distributed;

namespace Contrastive.Samples;

/// <summary>A sample as one process, or as one of several that <c>mpirun</c> started: rank 0 has the console and writes the files.</summary>
public static class Ranks
{
    /// <param name="arguments">The command line.</param>
    /// <param name="program">What each process does; its exit code.</param>
    /// <returns>The exit code. Of several processes one that is not 0 ends all of them.</returns>
    public static int Run(string[] arguments, Func<Communicator, int> program)
    {
        var code = 0;
        DistributedProgram.Run(arguments, ranks =>
        {
            code = program(ranks);
            if (code == 0 || ranks.Size == 1)
                return;
            // The others may wait for this one.
            Environment.ExitCode = code;
            ranks.Abort($"it ends with code {code}");
        });
        return code;
    }

    /// <summary>Where a process writes: of several, lines of the first alone, without a bar. Null for the console as it is.</summary>
    public static TextWriter? Output(Communicator ranks) => ranks.Size == 1 ? null : ranks.Rank == 0 ? Console.Out : TextWriter.Null;

    /// <summary>How many runs at a time: of several processes, which train each run together, one.</summary>
    /// <exception cref="UserError">More are asked for.</exception>
    public static int RunsAtATime(Communicator ranks, Option option, int runs, bool isGiven)
        => ranks.Size == 1 ? runs
            : runs == 1 || !isGiven ? 1
            : throw new UserError($"{option.Name} {runs}: {ranks.Size} processes train one run together, one run after the other");

    /// <exception cref="UserError">The batch has no part for each process.</exception>
    public static void CheckBatch(Communicator ranks, int batchSize)
    {
        if (batchSize < ranks.Size)
            throw new UserError($"--batch-size {batchSize}: there are {ranks.Size} processes, and each takes a part of the batch");
    }

    /// <exception cref="UserError">There are several processes.</exception>
    public static void RequireOne(Communicator ranks, string what)
    {
        if (ranks.Size > 1)
            throw new UserError($"{what} runs in one process, but {ranks.Size} were started");
    }
}
