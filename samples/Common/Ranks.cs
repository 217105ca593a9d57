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
}
