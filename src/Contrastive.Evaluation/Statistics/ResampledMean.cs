namespace Contrastive.Evaluation;

/// <summary>The mean over all items of the groups drawn.</summary>
internal sealed class ResampledMean : IResampled
{
    private readonly int _exponent;
    private readonly double _centre;
    private readonly double[] _sums;
    private readonly int[] _counts;
    private readonly double _sum;
    private readonly int _count;

    public ResampledMean(double[] scores, int[][] groups)
    {
        // Scaled, so that no sum overflows.
        _exponent = Scores.Exponent(scores);
        scores = Scores.Scaled(scores, _exponent);
        // Sums about the mean: they lose no digits, and equal scores give the same mean in every resample.
        double average = scores.Average();
        _centre = scores.All(score => score == scores[0]) ? scores[0] : average;
        _sums = [.. groups.Select(group => group.Sum(item => scores[item] - _centre))];
        _counts = [.. groups.Select(group => group.Length)];
        _sum = _sums.Sum();
        _count = scores.Length;
    }

    public int Groups => _sums.Length;

    public double Of(int[] drawn)
    {
        double sum = 0;
        long count = 0;
        foreach (int group in drawn)
        {
            sum += _sums[group];
            count += _counts[group];
        }

        return Unscaled(_centre + (sum / count));
    }

    public double Without(int group) => Unscaled(_centre + ((_sum - _sums[group]) / (_count - _counts[group])));

    private double Unscaled(double mean) => Math.ScaleB(mean, -_exponent);
}
