using System.Diagnostics;
using Contrastive.Distributed;
using Contrastive.Distributed.Program;

// What the tests start under mpirun: `Contrastive.Distributed.Program SCENARIO`. The last rank is the one that something happens to.
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
    if (communicator.Rank == communicator.Size - 1)
    {
        switch (scenario)
        {
            case "throw": throw new InvalidOperationException("thrown by the test");
            case "exit": Environment.Exit(0); break;
            case "kill": Process.GetCurrentProcess().Kill(); break;
            case "hang": Thread.Sleep(TimeSpan.FromMinutes(2)); break;
            default: throw new ArgumentException($"no scenario is called {scenario}");
        }
    }
    communicator.Barrier();
}, TimeSpan.FromSeconds(scenario == "train" ? 60 : 5));
