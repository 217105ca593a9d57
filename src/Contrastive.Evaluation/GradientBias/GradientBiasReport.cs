namespace Contrastive.Evaluation;

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
