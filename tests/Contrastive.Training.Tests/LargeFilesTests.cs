using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

/// <summary>
/// State of more than 2 GiB, which takes 17 GB of memory and 5 GB of disk: <c>LARGE_FILES=1 dotnet test --filter
/// FullyQualifiedName~LargeFiles</c>.
/// </summary>
public sealed class LargeFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private sealed class Weights : nn.Module
    {
        private readonly Parameter[] _weights;

        public Weights(int count, long size)
            : base(nameof(Weights))
        {
            _weights = [.. Enumerable.Range(0, count).Select(_ => new Parameter(zeros(size)))];
            foreach (var (i, weight) in _weights.Index())
                register_parameter($"w{i}", weight);
        }

        /// <summary>A step from a gradient that differs from weight to weight.</summary>
        public void Step(Action step)
        {
            foreach (var (i, weight) in _weights.Index())
            {
                weight.grad = full_like(weight, i + 1);
                weight.grad[-1] = -7;
            }

            step();
            foreach (var weight in _weights)
            {
                weight.grad!.Dispose();
                weight.grad = null;
            }

            GC.Collect();
        }
    }

    [LargeFact]
    public void An_optimiser_of_TorchSharp_with_300_million_weights_comes_back()
    {
        using var module = new Weights(3, 100_000_000);
        using var optimizer = optim.Adam(module.parameters(), 0.1);
        GoesOnAsItWas(module, () => optimizer.step(), new CheckpointParts().Module("module", module).Optimizer("optimizer", optimizer));
    }

    [LargeFact]
    public void SafeAdamW_with_600_million_weights_in_one_comes_back()
    {
        using var module = new Weights(1, 600_000_000);
        using var optimizer = new SafeAdamW(module.named_parameters(), 0.1);
        GoesOnAsItWas(module, optimizer.step, new CheckpointParts().Module("optimizer", optimizer));
    }

    private void GoesOnAsItWas(Weights module, Action step, CheckpointParts parts)
    {
        var path = _folder.Path("run.ckpt");
        module.Step(step);
        CheckpointFile.Save(path, 1, parts);
        new FileInfo(path).Length.Should().BeGreaterThan(1L << 31);
        var before = new Ends(module);
        module.Step(step);
        var expected = new Ends(module);

        // Other weights and other state, then what was saved.
        module.Step(step);
        before.PutBack();
        CheckpointFile.Open(path).Restore(parts);
        module.Step(step);

        new Ends(module).Values.Should().Equal(expected.Values);
    }

    /// <summary>The first and last of each weight, which differ in their gradients; those between are as the first.</summary>
    private sealed class Ends(Weights module)
    {
        private readonly Parameter[] _weights = [.. module.parameters()];

        public float[] Values { get; } = [.. module.parameters().SelectMany(weight => new[] { weight[0].item<float>(), weight[-1].item<float>() })];

        public void PutBack()
        {
            using var constant = no_grad();
            foreach (var (i, weight) in _weights.Index())
            {
                weight[0] = Values[2 * i];
                weight[-1] = Values[2 * i + 1];
            }
        }
    }
}

internal sealed class LargeFactAttribute : FactAttribute
{
    public LargeFactAttribute() => Skip = Environment.GetEnvironmentVariable("LARGE_FILES") == "1" ? null : "takes 17 GB of memory: LARGE_FILES=1";
}
