using System.Diagnostics;
using Contrastive.Distributed;
using Contrastive.Distributed.Program;

// What the tests start under mpirun: `Contrastive.Distributed.Program SCENARIO [FILE]`. The last rank is the one that something happens to, but
// of "save" the first, which writes.
var scenario = args[0];
DistributedProgram.Run(args, communicator =>
{
    if (scenario == "train")
    {
        var line = Training.Run(communicator);
        if (communicator.Rank == 0) Console.WriteLine(line);
        return;
    }
    communicator.Barrier();
    if (scenario == "save" && communicator.Rank == 0) Checkpoints.WriteUntilKilled(args[1]);
    if (communicator.Rank == communicator.Size - 1)
    {
        switch (scenario)
        {
            case "throw": throw new InvalidOperationException("thrown by the test");
            case "exit": Environment.Exit(0); break;
            case "kill": Process.GetCurrentProcess().Kill(); break;
            case "save": break;
            case "hang": Thread.Sleep(TimeSpan.FromMinutes(2)); break;
            default: throw new ArgumentException($"no scenario is called {scenario}");
        }
    }
    communicator.Barrier();
}, TimeSpan.FromSeconds(scenario is "train" or "save" ? 60 : 5));
