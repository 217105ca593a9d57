using MathNet.Numerics.Distributions;
using TorchSharp;

namespace Contrastive.Evaluation.Tests;

public class BootstrapTests
{
    // B. Efron and R. Tibshirani, An Introduction to the Bootstrap, Table 14.1: the spatial test data, A.
    private static readonly double[] Spatial =
        [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41];

    private static double Variance(IReadOnlyList<int> items)
    {
        double mean = items.Average(item => Spatial[item]);
        return items.Average(item => (Spatial[item] - mean) * (Spatial[item] - mean));
    }

    [Fact]
    public void Intervals_of_the_spatial_test_data_are_those_published()
    {
        // Their Table 14.2, from 2000 resamples: percentile (100.8, 233.9), BCa (115.8, 259.6).
        var percentile = Bootstrap.Statistic(26, Variance, null, 20_000, 0.9, BootstrapMethod.Percentile, Data.Generator(1));
        percentile.Estimate.Should().BeApproximately(171.5, 0.05);
        percentile.Interval.Lower.Should().BeApproximately(100.8, 5);
        percentile.Interval.Upper.Should().BeApproximately(233.9, 5);
        var corrected = Bootstrap.Statistic(26, Variance, null, 20_000, 0.9, generator: Data.Generator(1));
        corrected.Interval.Lower.Should().BeApproximately(115.8, 5);
        corrected.Interval.Upper.Should().BeApproximately(259.6, 5);
        corrected.Interval.Level.Should().Be(0.9);
        corrected.StandardError.Should().Be(percentile.StandardError);
    }

    [Fact]
    public void The_mean_of_two_scores_is_known_in_full()
    {
        // Resamples of 0 and 1 have the means 0, ½, ½ and 1: a quarter is at either end.
        var report = Bootstrap.Mean([0, 1], level: 0.9, method: BootstrapMethod.Percentile, generator: Data.Generator(1));
        (report.Estimate, report.Interval.Lower, report.Interval.Upper, report.Resamples).Should().Be((0.5, 0, 1, 10_000));
        report.StandardError.Should().BeApproximately(Math.Sqrt(1 / 8.0), 0.005);
        var narrow = Bootstrap.Mean([0, 1], level: 0.4, method: BootstrapMethod.Percentile, generator: Data.Generator(1));
        narrow.Interval.Should().Be(new ConfidenceInterval(0.5, 0.5, 0.4));
        narrow.ToString().Should().Be("0.5 in [0.5, 0.5] (40 %)");
    }

    [Fact]
    public void Bias_and_acceleration_follow_their_formulas()
    {
        double[] scores = [.. Enumerable.Range(1, 40).Select(i => Math.Exp(i / 10.0))];
        var percentile = Bootstrap.Mean(scores, null, 5000, 0.9, BootstrapMethod.Percentile, Data.Generator(5));
        var corrected = Bootstrap.Mean(scores, null, 5000, 0.9, BootstrapMethod.BiasCorrected, Data.Generator(5));

        // The same draws by hand.
        using var generator = Data.Generator(5);
        double[] means = [.. Enumerable.Range(0, 5000)
            .Select(_ => torch.randint(0, 40, [40], torch.int64, generator: generator).data<long>().ToArray().Average(item => scores[item])).Order()];
        double At(double q)
        {
            double place = q * (means.Length - 1);
            int below = Math.Min((int)place, means.Length - 2);
            return means[below] + ((place - below) * (means[below + 1] - means[below]));
        }

        percentile.Interval.Lower.Should().BeApproximately(At(0.05), 1e-9);
        percentile.Interval.Upper.Should().BeApproximately(At(0.95), 1e-9);

        double mean = scores.Average();
        double bias = Normal.InvCDF(0, 1, means.Count(value => value < mean) / 5000.0);
        // Of a mean, the acceleration is the skewness over 6 √n.
        double acceleration = scores.Sum(score => Math.Pow(score - mean, 3))
            / (6 * Math.Pow(scores.Sum(score => Math.Pow(score - mean, 2)), 1.5));
        double Moved(double q)
        {
            double shifted = bias + Normal.InvCDF(0, 1, q);
            return Normal.CDF(0, 1, bias + (shifted / (1 - (acceleration * shifted))));
        }

        corrected.Interval.Lower.Should().BeApproximately(At(Moved(0.05)), 1e-8);
        corrected.Interval.Upper.Should().BeApproximately(At(Moved(0.95)), 1e-8);
        corrected.Interval.Upper.Should().BeGreaterThan(percentile.Interval.Upper);
    }

    [Theory]
    [InlineData(BootstrapMethod.Percentile)]
    [InlineData(BootstrapMethod.BiasCorrected)]
    public void Intervals_cover_the_true_mean_about_as_often_as_they_say(BootstrapMethod method)
    {
        var random = new Random(1);
        using var generator = Data.Generator(1);
        int covered = 0;
        for (int trial = 0; trial < 300; trial++)
        {
            double[] hits = [.. Enumerable.Range(0, 100).Select(_ => random.NextDouble() < 0.7 ? 1.0 : 0)];
            covered += Bootstrap.Mean(hits, null, 500, 0.9, method, generator).Interval.Contains(0.7) ? 1 : 0;
        }

        covered.Should().BeInRange(252, 288);                                           // 270 ± 3.5 standard errors
    }

    [Fact]
    public void The_statistic_of_the_mean_is_the_mean()
    {
        double[] scores = [3, 1, 4, 1, 5, 9, 2, 6];
        long[] clusters = [0, 0, 5, 5, 5, -1, 7, 7];
        foreach (long[]? of in new[] { null, clusters })
        {
            foreach (var method in Enum.GetValues<BootstrapMethod>())
            {
                var mean = Bootstrap.Mean(scores, of, 500, 0.8, method, Data.Generator(2));
                var any = Bootstrap.Statistic(8, items => items.Average(item => scores[item]), of, 500, 0.8, method, Data.Generator(2));
                any.Estimate.Should().BeApproximately(mean.Estimate, 1e-12);
                any.StandardError.Should().BeApproximately(mean.StandardError, 1e-12);
                any.Interval.Lower.Should().BeApproximately(mean.Interval.Lower, 1e-9);
                any.Interval.Upper.Should().BeApproximately(mean.Interval.Upper, 1e-9);
            }
        }
    }

    [Fact]
    public void Pairing_removes_what_both_systems_share()
    {
        var random = new Random(1);
        double[] baseline = [.. Enumerable.Range(0, 60).Select(_ => 10 * random.NextDouble())];
        double[] values = [.. baseline.Select(score => score + 0.1 + (0.05 * random.NextDouble()))];
        var difference = Bootstrap.MeanDifference(values, baseline, generator: Data.Generator(1));
        difference.Interval.Lower.Should().BeGreaterThan(0.1);
        difference.Interval.Upper.Should().BeLessThan(0.15);
        var alone = Bootstrap.Mean(values, generator: Data.Generator(1)).Interval;
        (alone.Upper - alone.Lower).Should().BeGreaterThan(1);
        Bootstrap.MeanDifference(values, values, generator: Data.Generator(1)).Interval.Should().Be(new ConfidenceInterval(0, 0, 0.95));
    }

    [Fact]
    public void Clusters_are_drawn_whole()
    {
        // Five copies of each score say no more than one.
        double[] scores = [.. Enumerable.Range(0, 30).Select(i => (double)(i * i % 17))];
        double[] five = [.. scores.SelectMany(score => Enumerable.Repeat(score, 5))];
        long[] clusters = [.. Enumerable.Range(0, 150).Select(i => (long)(i / 5))];
        var single = Bootstrap.Mean(scores, generator: Data.Generator(1));
        var clustered = Bootstrap.Mean(five, clusters, generator: Data.Generator(1));
        clustered.StandardError.Should().BeApproximately(single.StandardError, 1e-12);
        clustered.Interval.Lower.Should().BeApproximately(single.Interval.Lower, 1e-9);
        Bootstrap.Mean(five, generator: Data.Generator(1)).StandardError.Should().BeLessThan(0.6 * single.StandardError);
    }

    [Fact]
    public void Equal_scores_have_an_interval_of_no_width()
    {
        var report = Bootstrap.Mean([0.1, 0.1, 0.1], generator: Data.Generator(1));
        report.Should().Be(new BootstrapReport(0.1, 0, new ConfidenceInterval(0.1, 0.1, 0.95), 10_000));
    }

    [Fact]
    public void The_seed_decides()
    {
        double[] scores = [.. Enumerable.Range(0, 50).Select(i => Math.Sin(i))];
        BootstrapReport Report(int seed) => Bootstrap.Mean(scores, resamples: 200, generator: Data.Generator(seed));
        Report(1).Should().Be(Report(1));
        Report(1).Should().NotBe(Report(2));
        Bootstrap.Mean(scores).Interval.Contains(scores.Average()).Should().BeTrue();
        Bootstrap.Mean(scores, generator: Data.Generator(1))
            .Should().Be(Bootstrap.Mean(scores, generator: Data.Generator(1)));
    }

    [Fact]
    public void Refuses_what_it_cannot_resample()
    {
        double[] scores = [1, 2, 3];
        RetrievalTests.Refuses(() => Bootstrap.Mean(null!), "scores");
        RetrievalTests.Refuses(() => Bootstrap.Mean([1]), "scores", "at least 2", "1");
        RetrievalTests.Refuses(() => Bootstrap.Mean([1, double.NaN]), "scores", "NaN at 1");
        RetrievalTests.Refuses(() => Bootstrap.Mean(scores, [1, 2]), "clusters", "2 values for 3");
        RetrievalTests.Refuses(() => Bootstrap.Mean(scores, [4, 4, 4]), "clusters", "at least 2", "all 3 items are in 4");
        RetrievalTests.Refuses(() => Bootstrap.Mean(scores, resamples: 0), "resamples", "at least 1");
        RetrievalTests.Refuses(() => Bootstrap.Mean(scores, level: 0), "level", "(0, 1)");
        RetrievalTests.Refuses(() => Bootstrap.Mean(scores, level: double.NaN), "level", "(0, 1)");
        RetrievalTests.Refuses(() => Bootstrap.Mean(scores, method: (BootstrapMethod)9), "method", "9");
        RetrievalTests.Refuses(() => Bootstrap.Statistic(1, _ => 0), "items", "at least 2");
        RetrievalTests.Refuses(() => Bootstrap.Statistic(3, null!), "statistic");
        RetrievalTests.Refuses(() => Bootstrap.Statistic(3, _ => double.NaN), "statistic", "NaN of 3 items");
    }

    [Theory]
    [InlineData(BootstrapMethod.Percentile)]
    [InlineData(BootstrapMethod.BiasCorrected)]
    public void Figures_of_any_size_have_an_interval(BootstrapMethod method)
    {
        double[] scores = [1, 2, 4, 3, -1];
        foreach (int power in new[] { 0, 532, 1021, -560, -1000 })
        {
            double unit = Math.ScaleB(1, power);
            double[] scaled = [.. scores.Select(score => score * unit)];
            var expected = Bootstrap.Mean(scores, null, 300, 0.9, method, Data.Generator(1));
            foreach (var report in new[]
            {
                Bootstrap.Mean(scaled, null, 300, 0.9, method, Data.Generator(1)),
                Bootstrap.MeanDifference(scaled, new double[5], null, 300, 0.9, method, Data.Generator(1)),
                Bootstrap.Statistic(5, items => items.Average(item => scores[item]) * unit, null, 300, 0.9, method, Data.Generator(1)),
            })
            {
                (report.Estimate / unit).Should().BeApproximately(expected.Estimate, 1e-12);
                (report.StandardError / unit).Should().BeApproximately(expected.StandardError, 1e-12);
                (report.Interval.Lower / unit).Should().BeApproximately(expected.Interval.Lower, 1e-9);
                (report.Interval.Upper / unit).Should().BeApproximately(expected.Interval.Upper, 1e-9);
            }
        }

        var large = Bootstrap.Mean([1e160, 2e160, 4e160], method: method, generator: Data.Generator(1));
        large.Estimate.Should().BeApproximately(7e160 / 3, 1e146);
        large.Interval.Lower.Should().BeInRange(1e160, large.Estimate);
        large.Interval.Upper.Should().BeInRange(large.Estimate, 4e160);
        large.StandardError.Should().BeInRange(5e159, 1e160);
    }
}
