using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples.GradientBias;

/// <summary>What is measured.</summary>
internal sealed record BiasKey(string Loss, int BatchSize);

/// <summary>The bias of the minibatch gradient of one loss at one batch size, as the summary has it.</summary>
/// <param name="Loss">One of <see cref="ComparedLosses.Names"/>.</param>
/// <param name="RelativeBias">‖E[g_B] - g‖ / ‖g‖ as measured, the noise of the measurement included.</param>
/// <param name="CorrectedRelativeBias">The same less what that noise is expected to add; 0 where it is lost in it.</param>
/// <param name="NoiseFloor">What chance alone would show.</param>
internal sealed record BiasEntry(
    string Loss, int BatchSize, double RelativeBias, double CorrectedRelativeBias, double NoiseFloor, long Batches);

/// <summary>
/// How far the expected minibatch gradient of each loss is from the gradient of the full loss, with the encoder held fixed,
/// without added noise, in float64.
/// </summary>
internal static class BiasMeasurement
{
    public static IReadOnlyList<BiasEntry> Run(
        SyntheticProblem problem, double[] weights, GradientBiasSettings settings, RunRecords<BiasKey, BiasEntry> finished, int threads, SampleConsole console, Action? afterEach)
    {
        // Small batches take longest.
        BiasKey[] jobs = [.. settings.BiasBatchSizes.SelectMany(size => ComparedLosses.Names.Reverse().Select(loss => new BiasKey(loss, size)))];
        return Workers.Run(
            console, "gradient bias", "measurements", jobs, finished.Find, _ => 1, threads, (job, progress) =>
            {
                var entry = Measure(job.Loss, job.BatchSize, problem, weights, settings, console.Cancellation);
                finished.Add(job, entry);
                afterEach?.Invoke();
                progress.Advance();
                return entry;
            });
    }

    private static BiasEntry Measure(
        string name, int batchSize, SyntheticProblem problem, double[] values, GradientBiasSettings settings, CancellationToken stop)
    {
        using var scope = NewDisposeScope();
        using var random = new NoisyRun(name, 0, batchSize).Random(settings.Seed);
        var (anchors, inputs) = problem.Tensors(ScalarType.Float64);
        var weights = new Parameter(tensor(values).reshape(SyntheticProblem.Dimensions, SyntheticProblem.Dimensions));
        using var full = ComparedLosses.Create(ComparedLosses.InfoNCE, SyntheticProblem.Pairs, Mean);
        using var loss = ComparedLosses.Create(name, SyntheticProblem.Pairs, Mean, ScalarType.Float64);
        if (loss is GammaContrastiveLoss)
            WarmUp();

        var report = Contrastive.Evaluation.GradientBias.Estimate(
            [weights],
            () => full.forward(anchors, inputs.matmul(weights)),
            BatchLoss,
            SyntheticProblem.Pairs,
            batchSize,
            settings.BiasPasses * (SyntheticProblem.Pairs / batchSize),
            random);
        return new BiasEntry(
            name, batchSize, report.RelativeBias, report.CorrectedRelativeBias, report.StandardError, report.Batches);

        Tensor BatchLoss(Tensor items)
        {
            stop.ThrowIfCancellationRequested();
            return loss.forward(anchors.index_select(0, items), inputs.index_select(0, items).matmul(weights), items);
        }

        // The table as training has it late in a run, when the encoder hardly moves: filled, and its ρ small. It goes on
        // learning while the bias is measured, as in training.
        void WarmUp()
        {
            using var constant = no_grad();
            for (var p = 0; p < settings.BiasWarmUpPasses; p++)
            {
                using var passScope = NewDisposeScope();
                var order = randperm(SyntheticProblem.Pairs, generator: random);
                for (var b = 0; b < SyntheticProblem.Pairs / batchSize; b++)
                {
                    using var batchScope = NewDisposeScope();
                    BatchLoss(order.narrow(0, b * batchSize, batchSize));
                }
            }
        }
    }

    /// <summary>ρ = 1 / visit: Ẑ is the mean over all visits, which is what falling step sizes tend to for a fixed encoder.</summary>
    private static StepSizeSchedule Mean => StepSizeSchedule.Power(1);
}
