using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples.GradientBias;

/// <summary>One training run at a level of noise.</summary>
/// <param name="Loss">One of <see cref="ComparedLosses.Names"/>.</param>
/// <param name="Noise">σ.</param>
/// <param name="Run">Counted from 0.</param>
internal sealed record NoisyRun(string Loss, double Noise, int Run)
{
    /// <summary>
    /// The source of all that is random in the run. The loss has no part in it: both losses meet the same start, the same
    /// batches and the same noise. Nor has any other run, so threads may take the runs in any order.
    /// </summary>
    public Generator Random(int seed)
    {
        // SplitMix64's finaliser (G. Steele et al., 2014): neighbouring keys give unrelated states.
        var mixed = (ulong)seed << 32 ^ (ulong)(Noise * 1000) << 16 ^ (ulong)Run;
        mixed += 0x9e3779b97f4a7c15;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return new Generator(mixed ^ (mixed >> 31));
    }
}

/// <summary>A finished run: L*/L of the averaged iterate after each of some numbers of steps.</summary>
internal sealed record RunCurve(NoisyRun Key, IReadOnlyList<double> Steps, IReadOnlyList<double> Fractions)
{
    public double Final => Fractions[^1];
}

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
        using var judge = new FullLoss(problem);
        List<double> steps = [0], fractions = [optimum / judge.Value(average.Values())];

        var step = 0;
        while (step < settings.Steps)
        {
            using var passScope = NewDisposeScope();
            foreach (var batch in Pass(anchors, inputs, settings.BatchSize, key.Noise, random).Take(settings.Steps - step))
            {
                stop.ThrowIfCancellationRequested();
                optimizer.LearningRate = schedule.At(step);
                Step(loss, batch, weights, optimizer);
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

    private static void Step(ContrastiveLoss loss, Batch batch, Parameter weights, SafeAdamW optimizer)
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        // A pass shows each pair once, so only the loss that keeps an estimate per sample has a use for the ids.
        loss.forward(batch.Anchors, batch.Inputs.matmul(weights), loss is GammaContrastiveLoss ? batch.Ids : null, batch.Pairs).backward();
        optimizer.step();
    }

    /// <summary>
    /// One pass over the data, drawn at once: at this size a step costs as much as the calls it makes, so shuffling and noise
    /// are two calls a pass and not two a step. A last batch that is not full is skipped.
    /// </summary>
    private static IEnumerable<Batch> Pass(Tensor anchors, Tensor inputs, int batchSize, double sigma, Generator random)
    {
        var order = randperm(anchors.shape[0], generator: random);
        var (x, y) = (anchors.index_select(0, order), inputs.index_select(0, order));
        var batches = (int)anchors.shape[0] / batchSize;
        var noise = sigma > 0 ? Noise(sigma, batches, batchSize, anchors.dtype, random) : null;
        for (var batch = 0; batch < batches; batch++)
        {
            using var scope = NewDisposeScope();
            var pairs = PairMap.Diagonal(batchSize);
            yield return new Batch(Slice(order), Slice(x), Slice(y), noise is null ? pairs : pairs.WithLogitBias(noise[batch]));

            Tensor Slice(Tensor rows) => rows.narrow(0, (long)batch * batchSize, batchSize);
        }
    }

    /// <summary>σ n_ij - σ²/2 at the negatives and 0 at the positives: E exp(noise) = 1, so that Z_i keeps its expectation.</summary>
    private static Tensor Noise(double sigma, int batches, int batchSize, ScalarType dtype, Generator random)
    {
        var noise = randn(batches, batchSize, batchSize, dtype: dtype, generator: random).Times(sigma).Plus(-sigma * sigma / 2);
        noise.diagonal(0, 1, 2).fill_(Scalars.Zero);
        return noise;
    }

    /// <summary>Sample ids (B), anchors and inputs (B, D), and the pairs with the noise of their similarities.</summary>
    private sealed record Batch(Tensor Ids, Tensor Anchors, Tensor Inputs, PairMap Pairs);
}

/// <summary>
/// The polynomial-decay average of the iterates (O. Shamir and T. Zhang, "Stochastic Gradient Descent for Non-smooth
/// Optimization", ICML 2013): the iterate of step t has a weight proportional to about t^η. Like an average over the last
/// part of the run, and good at any step, not only at the end.
/// </summary>
internal sealed class IterateAverage(Tensor start)
{
    public const double Eta = 1.5;

    private readonly Tensor _average = start.detach().clone();
    private int _steps;

    public void Add(Tensor iterate)
    {
        _steps++;
        using var weight = ((Eta + 1) / (_steps + Eta)).ToScalar();
        using var difference = iterate.detach().sub(_average);
        _average.add_(difference, weight);
    }

    /// <summary>Row by row.</summary>
    public double[] Values()
    {
        using var wide = _average.to(ScalarType.Float64, copy: true);
        return wide.data<double>().ToArray();
    }
}
