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

/// <summary>
/// One pass over the data, drawn at once: at this size a step costs as much as the calls it makes, so shuffling and noise
/// are two calls a pass and not two a step. A last batch that is not full is skipped.
/// </summary>
internal sealed class Pass
{
    private readonly int _batchSize;
    private readonly Tensor _order;
    private readonly Tensor _anchors;
    private readonly Tensor _inputs;
    private readonly Tensor? _noise;

    public Pass(Tensor anchors, Tensor inputs, int batchSize, double noise, Generator random)
    {
        _batchSize = batchSize;
        _order = randperm(anchors.shape[0], generator: random);
        _anchors = anchors.index_select(0, _order);
        _inputs = inputs.index_select(0, _order);
        if (noise > 0)
            _noise = Noise(noise, anchors.dtype, random);
    }

    public int Batches => (int)_order.shape[0] / _batchSize;

    /// <summary>Sample ids (B), anchors and inputs (B, D), and the pairs with the noise of their similarities.</summary>
    public (Tensor Ids, Tensor Anchors, Tensor Inputs, PairMap Pairs) Batch(int index)
    {
        var pairs = PairMap.Diagonal(_batchSize);
        return (
            Slice(_order, index),
            Slice(_anchors, index),
            Slice(_inputs, index),
            _noise is null ? pairs : pairs.WithLogitBias(_noise[index]));
    }

    /// <summary>σ n_ij - σ²/2 at the negatives and 0 at the positives: E exp(noise) = 1, so that Z_i keeps its expectation.</summary>
    private Tensor Noise(double sigma, ScalarType dtype, Generator random)
    {
        var noise = randn(Batches, _batchSize, _batchSize, dtype: dtype, generator: random).Times(sigma).Plus(-sigma * sigma / 2);
        noise.diagonal(0, 1, 2).fill_(Scalars.Zero);
        return noise;
    }

    private Tensor Slice(Tensor tensor, int index) => tensor.narrow(0, (long)index * _batchSize, _batchSize);
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
