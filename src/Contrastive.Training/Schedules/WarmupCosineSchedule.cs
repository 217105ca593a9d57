using Contrastive.Numerics;

namespace Contrastive.Training;

/// <summary>
/// A learning rate that rises in a straight line, then falls along half a cosine (I. Loshchilov and F. Hutter, "SGDR",
/// ICLR 2017, eq. 5, without restarts), as open_clip trains.
/// </summary>
/// <remarks>
/// A function of the step alone: a run that goes on from a checkpoint needs nothing but its step. With w steps of warm-up
/// among T, step s = 0, 1, … takes peak · (s + 1) / w while s &lt; w, then
/// final + (peak - final) (1 + cos(π (s - w) / (T - w))) / 2, and final from step T on.
/// </remarks>
public sealed class WarmupCosineSchedule
{
    /// <summary>Creates a schedule.</summary>
    /// <param name="peak">The largest rate. Range: ≥ 0.</param>
    /// <param name="steps">T, how many steps the training takes, warm-up included. Range: ≥ 1.</param>
    /// <param name="warmup">w, how many of them the rise takes. Range: 0 ≤ warmup ≤ steps.</param>
    /// <param name="final">The rate at the end. Range: 0 ≤ final ≤ peak.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    public WarmupCosineSchedule(double peak, long steps, long warmup = 0, double final = 0)
    {
        Peak = Guard.Weight(peak);
        Steps = Guard.AtLeast(steps, 1);
        Warmup = Guard.AtLeast(warmup, 0);
        if (warmup > steps)
            throw new ArgumentOutOfRangeException(nameof(warmup), warmup, $"warmup must be at most the {steps} steps of the training but is {warmup}");
        Final = Guard.Between(final, 0, peak);
    }

    /// <summary>The largest rate.</summary>
    public double Peak { get; }

    /// <summary>How many steps the training takes.</summary>
    public long Steps { get; }

    /// <summary>How many of them the rise takes.</summary>
    public long Warmup { get; }

    /// <summary>The rate at the end.</summary>
    public double Final { get; }

    /// <summary>The rate of a step.</summary>
    /// <param name="step">How many steps were taken before it. Range: ≥ 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step is negative.</exception>
    public double At(long step)
    {
        Guard.AtLeast(step, 0);
        if (step < Warmup)
            return Peak * (step + 1) / Warmup;
        if (step >= Steps)
            return Final;
        var done = (step - Warmup) / (double)(Steps - Warmup);
        return Final + (Peak - Final) * (1 + Math.Cos(Math.PI * done)) / 2;
    }
}
