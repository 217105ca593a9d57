using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// How far the expected minibatch gradient is from the full gradient, for any loss: <c>‖E[g_B] - g‖ / ‖g‖</c>. It is 0 for a
/// loss that is a mean over samples, and not for one that takes the logarithm of a sum over the batch, as InfoNCE does
/// (C. Chen et al., "Why do We Need Large Batchsizes in Contrastive Learning? A Gradient-Bias Perspective", NeurIPS 2022).
/// </summary>
/// <remarks>
/// Gradients are taken with <c>torch.autograd.grad</c>: the parameters' <c>grad</c> and <c>requires_grad</c> are left as
/// they are. Sums run in float64. The losses should be deterministic (no dropout) and must not keep tensors they make
/// unless they detach them from the dispose scope: all others are freed after each batch. Memory: three float64 copies of the
/// parameters beside what one evaluation of each loss takes.
/// </remarks>
public static class GradientBias
{
    /// <summary>Estimates the bias from random minibatches.</summary>
    /// <param name="parameters">
    /// The parameters to differentiate by, such as <c>module.parameters()</c>; each requires gradients. Those that a loss
    /// does not use count as having gradient zero.
    /// </param>
    /// <param name="fullLoss">The loss on all data, a scalar.</param>
    /// <param name="batchLoss">
    /// The loss of one minibatch, a scalar, given the indices of its samples: int64, of shape <c>(batchSize)</c>, on the
    /// first parameter's device.
    /// </param>
    /// <param name="samples">The number of samples N, at least 2.</param>
    /// <param name="batchSize">Samples in a minibatch, from 1 to N.</param>
    /// <param name="batches">How many minibatches to draw, at least 2; a multiple of ⌊N / batchSize⌋ is best.</param>
    /// <param name="generator">The source of randomness; by default PyTorch's.</param>
    /// <remarks>
    /// Minibatches are consecutive pieces of random permutations of the samples, as in training; an incomplete last piece is
    /// dropped. So batches of one permutation are not independent, but whole permutations are:
    /// <see cref="GradientBiasReport.StandardError"/> comes from the spread of the permutations' mean gradients,
    /// √(tr Cov(mean of one permutation) / permutations). With fewer than two whole permutations it is √(tr Cov(g_B) /
    /// batches), which is right for independent batches and as a rule too large for these.
    /// </remarks>
    /// <returns>The bias and its noise floor.</returns>
    /// <exception cref="ArgumentNullException">An argument other than <paramref name="generator"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// There are no parameters, one is not floating-point or requires no gradients, or a loss is not a floating-point scalar
    /// that depends on some parameter.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A count is outside its range.</exception>
    /// <example>
    /// <code>
    /// using var generator = new torch.Generator(1);
    /// var report = GradientBias.Estimate(
    ///     model.parameters(),
    ///     fullLoss: () => Loss(model.forward(data)),
    ///     batchLoss: indices => Loss(model.forward(data.index_select(0, indices))),
    ///     samples: data.shape[0], batchSize: 64, batches: 1000, generator);
    /// Console.WriteLine($"{report.CorrectedRelativeBias:P1} (noise {report.StandardError:P1})");
    /// </code>
    /// </example>
    public static GradientBiasReport Estimate(
        IEnumerable<Tensor> parameters,
        Func<Tensor> fullLoss,
        Func<Tensor, Tensor> batchLoss,
        long samples,
        long batchSize,
        long batches,
        Generator? generator = null)
    {
        var checkedParameters = Check(parameters, fullLoss, batchLoss, samples, batchSize);
        Guard.AtLeast(batches, 2);

        using var scope = NewDisposeScope();
        var full = Gradient(checkedParameters, fullLoss, nameof(fullLoss));
        var gradients = new GradientMoments(full);
        var permutations = new PermutationSpread(full);
        long perPermutation = samples / batchSize;
        for (long done = 0; done < batches;)
        {
            using var permutationScope = NewDisposeScope();
            var order = randperm(samples, ScalarType.Int64, generator?.device ?? CPU, generator: generator)
                .to(checkedParameters[0].device);
            long pieces = Math.Min(perPermutation, batches - done);
            for (long piece = 0; piece < pieces; piece++)
                AddBatch(gradients, checkedParameters, batchLoss, order.narrow(0, piece * batchSize, batchSize));
            if (pieces == perPermutation)
                permutations.Add(gradients.Mean);
            done += pieces;
        }

        double batchVariance = gradients.Scatter / (batches - 1);
        double meanVariance = permutations.Count >= 2
            ? permutations.Scatter / (permutations.Count - 1) * perPermutation / batches
            : batchVariance / batches;
        return Report(full, gradients, batchVariance, meanVariance);
    }

    /// <summary>The bias itself, from all C(N, B) minibatches: for small data sets.</summary>
    /// <param name="parameters">
    /// The parameters to differentiate by, such as <c>module.parameters()</c>; each requires gradients. Those that a loss
    /// does not use count as having gradient zero.
    /// </param>
    /// <param name="fullLoss">The loss on all data, a scalar.</param>
    /// <param name="batchLoss">
    /// The loss of one minibatch, a scalar, given the indices of its samples: ascending, int64, of shape <c>(batchSize)</c>,
    /// on the first parameter's device.
    /// </param>
    /// <param name="samples">The number of samples N, at least 2.</param>
    /// <param name="batchSize">Samples in a minibatch B, from 1 to N.</param>
    /// <param name="maximumBatches">The most minibatches to accept, at least 1.</param>
    /// <returns>The bias, with <see cref="GradientBiasReport.StandardError"/> 0.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">
    /// There are no parameters, one is not floating-point or requires no gradients, or a loss is not a floating-point scalar
    /// that depends on some parameter.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A count is outside its range, or there are more than <paramref name="maximumBatches"/> minibatches.
    /// </exception>
    public static GradientBiasReport Enumerate(
        IEnumerable<Tensor> parameters,
        Func<Tensor> fullLoss,
        Func<Tensor, Tensor> batchLoss,
        long samples,
        long batchSize,
        long maximumBatches = 1_000_000)
    {
        var checkedParameters = Check(parameters, fullLoss, batchLoss, samples, batchSize);
        Guard.AtLeast(maximumBatches, 1);
        if (Combinations.Exceed(samples, batchSize, maximumBatches))
        {
            throw new ArgumentOutOfRangeException(
                nameof(samples),
                samples,
                $"{samples} samples have more than {maximumBatches} minibatches of {batchSize}; use {nameof(Estimate)}");
        }

        using var scope = NewDisposeScope();
        var full = Gradient(checkedParameters, fullLoss, nameof(fullLoss));
        var gradients = new GradientMoments(full);
        foreach (long[] combination in Combinations.Of(samples, batchSize))
        {
            using var batch = NewDisposeScope();
            AddBatch(gradients, checkedParameters, batchLoss, tensor(combination, device: checkedParameters[0].device));
        }

        return Report(full, gradients, gradients.Scatter / gradients.Count, meanVariance: 0);
    }

    private static Tensor[] Check(
        IEnumerable<Tensor> parameters, Func<Tensor> fullLoss, Func<Tensor, Tensor> batchLoss, long samples, long batchSize)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(fullLoss);
        ArgumentNullException.ThrowIfNull(batchLoss);
        Guard.AtLeast(samples, 2);
        Guard.AtLeast(batchSize, 1);
        if (batchSize > samples)
        {
            throw new ArgumentOutOfRangeException(
                nameof(batchSize), batchSize, $"batchSize must be at most the {samples} samples but is {batchSize}");
        }

        Tensor[] list = [.. parameters];
        if (list.Length == 0)
            throw new ArgumentException("parameters has 0 tensors but must have at least 1", nameof(parameters));
        for (int i = 0; i < list.Length; i++)
        {
            Guard.Floating(list[i], $"{nameof(parameters)}[{i}]");
            if (!list[i].requires_grad)
                throw new ArgumentException($"parameters[{i}] must require gradients but does not", nameof(parameters));
        }

        return list;
    }

    private static void AddBatch(
        GradientMoments gradients, Tensor[] parameters, Func<Tensor, Tensor> batchLoss, Tensor indices)
    {
        using var batch = NewDisposeScope();
        gradients.Add(Gradient(parameters, () => batchLoss(indices), nameof(batchLoss)));
    }

    /// <summary>The gradient by each parameter, flat and in float64.</summary>
    private static Tensor[] Gradient(Tensor[] parameters, Func<Tensor> lossFunction, string name)
    {
        using var scope = NewDisposeScope();
        using var withGrad = enable_grad();
        var loss = lossFunction();
        if (loss is null)
            throw new ArgumentException($"{name} must return a scalar but returned null", name);
        if (loss.numel() != 1 || !Guard.IsFloating(loss.dtype))
        {
            throw new ArgumentException(
                $"{name} must return a floating-point scalar but returned {loss.dtype} of shape {Guard.Shape(loss)}", name);
        }

        if (!loss.requires_grad)
            throw new ArgumentException($"{name} must return a loss of the parameters but it requires no gradient", name);

        // The empty sums give gradient zero to parameters that the loss does not use. (With allow_unused TorchSharp returns
        // tensors without a handle for them, which its count of living tensors never gives up.)
        var empty = parameters.Select(parameter => parameter.flatten().narrow(0, 0, 0).sum(dim: 0));
        var gradients = autograd.grad([loss, .. empty], parameters);
        return [.. gradients.Select(gradient => Flat(gradient).MoveToOuterDisposeScope())];
    }

    private static Tensor Flat(Tensor gradient)
    {
        // Not every device knows float64.
        var device = gradient.device_type == DeviceType.MPS ? CPU : gradient.device;
        return gradient.detach().flatten().to(device).to_type(ScalarType.Float64);
    }

    private static GradientBiasReport Report(
        Tensor[] full, GradientMoments gradients, double batchVariance, double meanVariance)
    {
        using var noGrad = no_grad();
        double norm = Math.Sqrt(Vectors.Dot(full, full));
        double bias = Math.Sqrt(Vectors.Dot(gradients.Mean, gradients.Mean));
        Tensor[] mean = [.. full.Zip(gradients.Mean, (g, deviation) => g.Plus(deviation))];
        double cosine = Vectors.Dot(full, mean) / (norm * Math.Sqrt(Vectors.Dot(mean, mean)));
        return new GradientBiasReport(
            bias / norm,
            Math.Sqrt(meanVariance) / norm,
            Math.Sqrt(batchVariance) / norm,
            double.IsNaN(cosine) ? cosine : Math.Clamp(cosine, -1, 1),
            norm,
            gradients.Count);
    }
}

/// <summary>How far minibatch gradients are from the full gradient g. Made by <see cref="GradientBias"/>.</summary>
/// <remarks>
/// Every relative figure is divided by ‖g‖: at a point where the full gradient is exactly zero it is infinite or NaN, and
/// where it is nearly zero it says little. A loss that returns NaN or infinity shows as NaN here.
/// </remarks>
public sealed record GradientBiasReport
{
    internal GradientBiasReport(
        double relativeBias,
        double standardError,
        double batchNoise,
        double cosineSimilarity,
        double fullGradientNorm,
        long batches)
    {
        RelativeBias = relativeBias;
        StandardError = standardError;
        BatchNoise = batchNoise;
        CosineSimilarity = cosineSimilarity;
        FullGradientNorm = fullGradientNorm;
        Batches = batches;
    }

    /// <summary>‖mean g_B - g‖ / ‖g‖, noise included; ≥ 0.</summary>
    public double RelativeBias { get; }

    /// <summary>
    /// The noise floor: the root mean square of what chance alone adds to <see cref="RelativeBias"/>, relative to ‖g‖; ≥ 0,
    /// and 0 when all minibatches were enumerated. A relative bias near this value is no evidence of bias.
    /// </summary>
    public double StandardError { get; }

    /// <summary>
    /// √max(0, ‖mean g_B - g‖² - noise²) / ‖g‖: the bias less what chance is expected to add; ≥ 0. 0 reads "not to be told
    /// from none with so many batches".
    /// </summary>
    public double CorrectedRelativeBias
        => Math.Sqrt(Math.Max(0, (RelativeBias * RelativeBias) - (StandardError * StandardError)));

    /// <summary>√tr(Cov g_B) / ‖g‖, the noise of a single minibatch's gradient; ≥ 0.</summary>
    public double BatchNoise { get; }

    /// <summary>The cosine of the angle between mean g_B and g, in [-1, 1].</summary>
    public double CosineSimilarity { get; }

    /// <summary>‖g‖, over all parameters together.</summary>
    public double FullGradientNorm { get; }

    /// <summary>The number of minibatches.</summary>
    public long Batches { get; }
}
