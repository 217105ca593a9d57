using Contrastive.Evaluation;
using Contrastive.Samples.ShapesClip.Models;

namespace Contrastive.Samples.ShapesClip.Bias;

/// <summary>The bias of the minibatch gradient of one loss at one batch size, for one model.</summary>
/// <param name="Model">Its folder.</param>
/// <param name="Run">Which run trained it.</param>
/// <param name="Temperature">τ.</param>
/// <param name="Loss">One of <see cref="Losses.Names"/>.</param>
/// <param name="BatchSize">B.</param>
/// <param name="RelativeBias">‖E[g_B] - g‖ / ‖g‖ as measured, the noise of the measurement included.</param>
/// <param name="CorrectedRelativeBias">The same less what that noise is expected to add; 0 where it is lost in it.</param>
/// <param name="NoiseFloor">What chance alone would show.</param>
/// <param name="Cosine">Of the angle between E[g_B] as measured and g.</param>
/// <param name="FullGradientNorm">‖g‖.</param>
/// <param name="BatchNoise">√tr(Cov g_B) / ‖g‖, of a single batch.</param>
/// <param name="Batches">How many were drawn.</param>
internal sealed record BiasEntry(
    string Model,
    RunKey Run,
    double Temperature,
    string Loss,
    int BatchSize,
    double RelativeBias,
    double CorrectedRelativeBias,
    double NoiseFloor,
    double Cosine,
    double FullGradientNorm,
    double BatchNoise,
    long Batches)
{
    public static BiasEntry Of(string model, ModelDescription description, string loss, int batchSize, GradientBiasReport report) => new(
        model,
        description.Run,
        description.Temperature,
        loss,
        batchSize,
        report.RelativeBias,
        report.CorrectedRelativeBias,
        report.StandardError,
        report.CosineSimilarity,
        report.FullGradientNorm,
        report.BatchNoise,
        report.Batches);
}
