using Contrastive.Samples.GradientBias.Training;

namespace Contrastive.Samples.GradientBias.Measurement;

/// <summary>The bias of the minibatch gradient of one loss at one batch size, as the summary has it.</summary>
/// <param name="Loss">One of <see cref="ComparedLosses.Names"/>.</param>
/// <param name="BatchSize">B.</param>
/// <param name="RelativeBias">‖E[g_B] - g‖ / ‖g‖ as measured, the noise of the measurement included.</param>
/// <param name="CorrectedRelativeBias">The same less what that noise is expected to add; 0 where it is lost in it.</param>
/// <param name="NoiseFloor">What chance alone would show.</param>
/// <param name="Batches">How many minibatches were drawn.</param>
internal sealed record BiasEntry(
    string Loss, int BatchSize, double RelativeBias, double CorrectedRelativeBias, double NoiseFloor, long Batches);
