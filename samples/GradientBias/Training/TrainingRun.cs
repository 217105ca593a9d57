using Contrastive.Samples.GradientBias.Problem;
using Contrastive.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples.GradientBias.Training;

/// <summary>
/// Trains the encoder with one loss. All but the loss is the same for both: start, batches, noise, Adam with its step size
/// falling to 0 on a cosine, and the average over the iterates that is judged.
/// </summary>
internal static class TrainingRun
{
    public const double LearningRate = 0.02;

    private const int CurvePoints = 60;

    /// <summary>Trains once; <paramref name="advance"/> is called now and then with the steps done since.</summary>
    public static RunCurve Train(
        NoisyRun key, SyntheticProblem problem, double optimum, GradientBiasSettings settings, Action<int> advance, CancellationToken stop)
    {
        using var scope = NewDisposeScope();
        using var random = key.Random(settings.Seed);
        using var loss = ComparedLosses.Create(key.Loss, SyntheticProblem.Pairs, StepSizeSchedule.Power(1, ComparedLosses.RhoScale));
        var (anchors, inputs) = problem.Tensors(ScalarType.Float32);
        var weights = new Parameter(randn(SyntheticProblem.Dimensions, SyntheticProblem.Dimensions, generator: random));
        using var optimizer = new SafeAdamW([("weights", weights)], LearningRate);
        var schedule = new WarmupCosineSchedule(LearningRate, settings.Steps);
        var average = new IterateAverage(weights);
        var judge = new FullLoss(problem);
        List<double> steps = [0], fractions = [optimum / judge.Value(average.Values())];

        var step = 0;
        while (step < settings.Steps)
        {
            using var passScope = NewDisposeScope();
            var pass = new Pass(anchors, inputs, settings.BatchSize, key.Noise, random);
            for (var batch = 0; batch < pass.Batches && step < settings.Steps; batch++)
            {
                stop.ThrowIfCancellationRequested();
                optimizer.LearningRate = schedule.At(step);
                Step(loss, pass, batch, weights, optimizer);
                average.Add(weights);
                step++;
                if ((long)step * CurvePoints / settings.Steps == (step - 1L) * CurvePoints / settings.Steps)
                    continue;
                advance(step - (int)steps[^1]);
                steps.Add(step);
                fractions.Add(optimum / judge.Value(average.Values()));
            }
        }

        return new RunCurve(key, steps, fractions);
    }

    private static void Step(ContrastiveLoss loss, Pass pass, int batch, Parameter weights, SafeAdamW optimizer)
    {
        using var scope = NewDisposeScope();
        var (ids, anchors, inputs, pairs) = pass.Batch(batch);
        optimizer.zero_grad();
        // A pass shows each pair once, so only the loss that keeps an estimate per sample has a use for the ids.
        loss.forward(anchors, inputs.matmul(weights), loss is GammaContrastiveLoss ? ids : null, pairs).backward();
        optimizer.step();
    }
}
