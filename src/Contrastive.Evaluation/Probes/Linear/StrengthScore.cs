namespace Contrastive.Evaluation;

/// <summary>How one L2 strength did on the validation rows. Made by <see cref="LinearProbe"/>.</summary>
public sealed record StrengthScore
{
    internal StrengthScore(double strength, double accuracy, double crossEntropy)
    {
        Strength = strength;
        Accuracy = accuracy;
        CrossEntropy = crossEntropy;
    }

    /// <summary>The strength λ.</summary>
    public double Strength { get; }

    /// <summary>The share of validation rows classified correctly, in [0, 1]; an expected share where classes tie.</summary>
    public double Accuracy { get; }

    /// <summary>The mean of -log p(label) over the validation rows, in nats; ≥ 0.</summary>
    public double CrossEntropy { get; }
}
