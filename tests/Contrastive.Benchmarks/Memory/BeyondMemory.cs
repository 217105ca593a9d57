using System.Diagnostics;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Memory;

/// <summary>How the batch gets to its gradients.</summary>
internal enum BeyondForm
{
    /// <summary>Encoded at once, with one graph.</summary>
    Plain,

    /// <summary>In micro-batches, with the gradients of the features kept.</summary>
    Cached,

    /// <summary>In micro-batches, added up; of the gamma loss.</summary>
    Accumulated,
}

/// <summary>A point of the curve of peak memory against batch size.</summary>
/// <param name="Batch">The pairs of the batch.</param>
/// <param name="MicroBatch">How many are encoded at once.</param>
/// <param name="Form">Plain, or one of the two ways of <see cref="LargeBatchStep"/>.</param>
/// <param name="Gamma">Whether the loss is the symmetric decomposable one; else symmetric InfoNCE.</param>
internal sealed record BeyondPoint(long Batch, long MicroBatch, BeyondForm Form, bool Gamma = false)
{
    /// <summary>Batch, micro-batch, form and loss ("infonce" or "gamma"), as a child process is given them.</summary>
    /// <exception cref="FormatException">The arguments are others.</exception>
    public static BeyondPoint Parse(IReadOnlyList<string> arguments)
        => arguments.Count == 4 && Enum.TryParse<BeyondForm>(arguments[2], ignoreCase: true, out var form) && arguments[3] is "infonce" or "gamma"
            ? new BeyondPoint(long.Parse(arguments[0]), long.Parse(arguments[1]), form, arguments[3] == "gamma")
            : throw new FormatException("expected: batch micro-batch plain|cached|accumulated infonce|gamma");

    /// <summary>What <see cref="Parse"/> reads.</summary>
    public string[] Arguments => [$"{Batch}", $"{MicroBatch}", $"{Form}", Gamma ? "gamma" : "infonce"];
}

/// <summary>
/// The memory of a training step against its batch, with encoders whose graph is what takes it: a small convolutional tower for
/// pictures of 3 × 32 × 32, 0.1 MB of graph each, and a perceptron for 256 numbers, with dropout, to 128 features.
/// </summary>
internal static class BeyondMemory
{
    private const long Features = 128;

    /// <summary>Runs one step in this process, which was started for nothing else.</summary>
    public static ProbeResult Run(BeyondPoint point)
    {
        manual_seed(1);
        using var pictures = Pictures();
        using var words = Words();
        using ContrastiveLoss loss = point.Gamma
            ? new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(0.07), ContrastMode.Symmetric)
            : new InfoNCELoss(Temperature.Fixed(0.07), ContrastMode.Symmetric);

        // The gradients of the parameters, the code and the threads are there before anything is counted.
        using (var small = new Batch(16)) Step(small, point with { Batch = 16, MicroBatch = 8 });
        using var batch = new Batch(point.Batch);
        ProcessMemory.ReleaseFreed();
        var reset = ProcessMemory.TryResetPeak();
        var before = ProcessMemory.Resident;
        var clock = Stopwatch.StartNew();
        Step(batch, point);
        var peak = Math.Max(0, ProcessMemory.Peak - before) / 1e6;
        return new ProbeResult(peak, peak, [clock.Elapsed.TotalMilliseconds], reset);

        void Step(Batch data, BeyondPoint at)
        {
            using var scope = NewDisposeScope();
            if (at.Form == BeyondForm.Plain)
            {
                var (a, b) = Encode(0, at.Batch);
                loss.Evaluate(a, b).Loss.backward();
                return;
            }
            var method = at.Form == BeyondForm.Cached ? LargeBatchMethod.CachedGradients : LargeBatchMethod.Accumulation;
            new LargeBatchStep(at.MicroBatch, [pictures, words]).Backward(at.Batch, Encode, loss, method: method);

            (Tensor, Tensor) Encode(long first, long count)
                => (pictures.forward(data.Pictures.narrow(0, first, count)), words.forward(data.Words.narrow(0, first, count)));
        }
    }

    private static TorchSharp.Modules.Sequential Pictures() => nn.Sequential(
        nn.Conv2d(3, 32, 3, stride: 2, padding: 1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride: 2, padding: 1), nn.ReLU(),
        nn.Conv2d(64, 128, 3, stride: 2, padding: 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(128, Features));

    private static TorchSharp.Modules.Sequential Words() => nn.Sequential(
        nn.Linear(256, 512), nn.GELU(), nn.Dropout(0.1), nn.Linear(512, Features));

    private sealed class Batch(long count) : IDisposable
    {
        public Tensor Pictures { get; } = randn(count, 3, 32, 32);

        public Tensor Words { get; } = randn(count, 256);

        public void Dispose()
        {
            Pictures.Dispose();
            Words.Dispose();
        }
    }
}
