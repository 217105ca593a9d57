#:package TorchSharp-cpu
#:project ../../src/Contrastive.Training/Contrastive.Training.csproj
#:project ../../src/Contrastive.Distributed/Contrastive.Distributed.csproj
#:project ../../src/Contrastive.Evaluation/Contrastive.Evaluation.csproj
#:property PublishAot=false

// One program for one process or many: `dotnet run SeveralProcesses.cs` alone, or built once (`dotnet publish SeveralProcesses.cs -o app`) and started
// by MPI: `mpirun -n 4 dotnet app/SeveralProcesses.dll`. Losses and weights are the same, within rounding, whatever the number of processes.
using Contrastive;
using Contrastive.Distributed;
using Contrastive.Evaluation;
using Contrastive.Training;
using static TorchSharp.torch;

DistributedProgram.Run(args, communicator =>
{
    const int training = 1000, batch = 100, epochs = 5;
    set_num_threads(1);                                         // processes share the cores
    random.manual_seed(1);

    // Your features go here; row i of both matrices is item i. Each process may read all of them, or only what its slices need.
    using var shared = randn(1200, 8);
    using var images = cat([shared, randn(1200, 10)], dim: 1).matmul(randn(18, 40));
    using var texts = cat([shared, randn(1200, 10)], dim: 1).matmul(randn(18, 50));

    using var imageTower = nn.Linear(40, 16);
    using var textTower = nn.Linear(50, 16);
    using var loss = new GammaContrastiveLoss(new PartitionTable(training), Temperature.Learned(), ContrastMode.Symmetric);
    Replicas.Broadcast(communicator, imageTower, textTower, loss);
    using var optimizer = new SafeAdamW([("image", imageTower), ("text", textTower), ("loss", loss)], 0.01);

    using var order = new Generator(1);                         // the same seed on all processes: one order, each takes its slice
    using var batches = new ShardedBatches(communicator, training, batch, order);
    var distributed = new DistributedLoss(loss, communicator);
    var gradients = new GradientReduction(communicator, [.. imageTower.parameters(), .. textTower.parameters(), .. loss.parameters()]);
    var means = new RunningMeans(communicator, "loss");
    while (batches.Epoch < epochs)
    {
        using var scope = NewDisposeScope();
        var ids = batches.Next();
        optimizer.zero_grad();
        var result = distributed.Evaluate(imageTower.forward(images[ids]), textTower.forward(texts[ids]), ids);
        result.Loss.backward();                                 // this process's share
        gradients.Sum();                                        // a sum: no factor of the number of processes anywhere
        optimizer.step();
        means.Add("loss", result.BatchObjective, ids.shape[0]);
        if (!batches.EndedEpoch) continue;
        var epoch = means.Take();                               // all processes call it, one prints
        if (communicator.Rank == 0) Console.WriteLine($"epoch {batches.Epoch}: loss {epoch["loss"]:F3}");
    }
    Replicas.CheckAgreement(communicator, imageTower, textTower, loss);
    if (communicator.Rank != 0) return;
    using var constant = no_grad();
    using var evaluation = NewDisposeScope();
    var recall = Retrieval.Evaluate(imageTower.forward(images[training..]), textTower.forward(texts[training..])).RecallAt[1];
    Console.WriteLine($"{communicator.Size} process(es), recall@1 {recall:P1}");
});
