using static TorchSharp.torch;

namespace Contrastive.Samples.GradientBias.Training;

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
