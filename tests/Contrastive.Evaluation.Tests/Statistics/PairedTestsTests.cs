using CsCheck;

namespace Contrastive.Evaluation.Tests;

public class PairedTestsTests
{
    private static readonly double[] Zeros = new double[200];

    // C. Darwin's heights of cross- and self-fertilised plants, differences in eighths of an inch.
    private static readonly double[] Darwin = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48];

    // Student's sleep data: hours gained with one drug and with the other.
    private static readonly double[] First = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    private static readonly double[] Second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

    [Fact]
    public void The_t_test_agrees_with_a_case_done_by_hand()
    {
        // Differences 1, 2, 3: mean 2, deviation 1, t = 2 sqrt(3); two-sided p with 2 degrees: 1 - t / sqrt(2 + t²).
        var difference = PairedDifference.Of([2, 4, 6], [1, 2, 3], level: 0.9);

        (difference.Pairs, difference.Won, difference.Lost, difference.DegreesOfFreedom).Should().Be((3, 3, 0, 2));
        difference.Mean.Should().Be(2);
        difference.StandardDeviation.Should().BeApproximately(1, 1e-12);
        difference.StandardError.Should().BeApproximately(1 / Math.Sqrt(3), 1e-12);
        difference.Statistic.Should().BeApproximately(2 * Math.Sqrt(3), 1e-12);
        double p = 1 - Math.Sqrt(12 / 14.0);
        difference.PValue.Should().BeApproximately(p, 1e-9);
        difference.EffectSize.Should().BeApproximately(2, 1e-12);
        // With 2 degrees of freedom the quantile of q is (2q - 1) / sqrt(2 q (1 - q)).
        double reach = 0.9 / Math.Sqrt(2 * 0.95 * 0.05) / Math.Sqrt(3);
        difference.Interval.Lower.Should().BeApproximately(2 - reach, 1e-9);
        difference.Interval.Upper.Should().BeApproximately(2 + reach, 1e-9);
        difference.Interval.Contains(2).Should().BeTrue();

        PairedDifference.Of([2, 4, 6], [1, 2, 3], alternative: Alternative.Greater).PValue.Should().BeApproximately(p / 2, 1e-9);
        PairedDifference.Of([2, 4, 6], [1, 2, 3], alternative: Alternative.Less).PValue.Should().BeApproximately(1 - (p / 2), 1e-9);
    }

    [Fact]
    public void The_t_test_agrees_with_what_is_published_of_the_sleep_data()
    {
        var difference = PairedDifference.Of(First, Second);
        difference.Mean.Should().BeApproximately(-1.58, 1e-12);
        difference.Statistic.Should().BeApproximately(-4.0621, 5e-5);
        difference.PValue.Should().BeApproximately(0.002833, 5e-7);
        difference.Interval.Lower.Should().BeApproximately(-2.4598858, 5e-7);
        difference.Interval.Upper.Should().BeApproximately(-0.7001142, 5e-7);
        difference.ToString().Should().Be("difference -1.58 in [-2.46, -0.7001] (95 %), 0 of 10 won, t(9) = -4.06, p = 0.0028");
    }

    [Fact]
    public void Differences_that_do_not_vary_have_no_t()
    {
        var one = PairedDifference.Of([2.0], [1.0]);
        one.Mean.Should().Be(1);
        new[] { one.StandardDeviation, one.PValue, one.Statistic, one.EffectSize, one.Interval.Lower }.Should().OnlyContain(value => double.IsNaN(value));

        // 0.9 - 0.8 and 0.8 - 0.7 are 0.1 on paper only.
        var constant = PairedDifference.Of([0.9, 0.8, 0.7], [0.8, 0.7, 0.6]);
        constant.PValue.Should().Be(double.NaN);
        constant.StandardDeviation.Should().Be(0);
        constant.Interval.Lower.Should().Be(constant.Mean);

        var zero = PairedDifference.Of(First, First);
        (zero.Mean, zero.Won, zero.Lost, zero.PValue).Should().Be((0, 0, 0, double.NaN));
    }

    [Fact]
    public void Signed_ranks_agree_with_what_is_published()
    {
        // SciPy's example of scipy.stats.wilcoxon.
        var darwin = SignedRankTest.Of(Darwin, Zeros[..15]);
        (darwin.Statistic, darwin.PositiveRankSum, darwin.IsExact).Should().Be((24, 96, true));
        darwin.PValue.Should().Be(0.041259765625);
        SignedRankTest.Of(Darwin, Zeros[..15], Alternative.Greater).PValue.Should().Be(0.0206298828125);

        // M. Hollander and D. Wolfe's depression data, R's example of wilcox.test.
        double[] x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        double[] y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        var depression = SignedRankTest.Of(x, y, Alternative.Greater);
        depression.PositiveRankSum.Should().Be(40);
        depression.PValue.Should().BeApproximately(0.01953, 5e-6);
    }

    [Fact]
    public void Signed_ranks_drop_zeros_and_share_the_ranks_of_ties()
    {
        // 0 is dropped; ranks 2, 2, 2, 4 of 1, -1, 1, 3.
        var test = SignedRankTest.Of([1, 1, 2, 5, 3], [0, 1, 3, 4, 0]);
        (test.Pairs, test.Zeros, test.PositiveRankSum, test.NegativeRankSum).Should().Be((5, 1, 8, 2));
        test.EffectSize.Should().BeApproximately(0.6, 1e-15);
        // Of 16 choices, sums of 8 and more: all, and all but one of the 2s.
        test.PValue.Should().Be(2 * 4 / 16.0);
        test.ToString().Should().Be("signed ranks +8 -2, 5 pairs, 1 zeros, p = 0.5 (exact)");

        // Equal on paper: all four have rank 2.5, and all zeros are zeros.
        var rounded = SignedRankTest.Of([0.9, 0.8, 0.7, 0.6, 0.1 + 0.2], [0.8, 0.7, 0.8, 0.5, 0.3]);
        (rounded.PositiveRankSum, rounded.NegativeRankSum, rounded.Zeros).Should().Be((7.5, 2.5, 1));
    }

    [Fact]
    public void Exact_signed_ranks_and_sign_flips_agree_with_all_choices_of_signs()
        => Gen.Select(Gen.Int[-3, 3].Array[1, 9], Gen.Enum<Alternative>()).Check(
            drawn =>
            {
                var (differences, alternative) = drawn;
                double[] values = [.. differences.Select(difference => (double)difference)], zeros = Zeros[..values.Length];
                double[] kept = [.. values.Where(value => value != 0)];
                double[] ranks = [.. kept.Select(value =>
                    kept.Count(other => Math.Abs(other) < Math.Abs(value)) + ((kept.Count(other => Math.Abs(other) == Math.Abs(value)) + 1) / 2.0))];
                double[] Sums(double[] weights) => [.. Enumerable.Range(0, 1 << weights.Length)
                    .Select(signs => weights.Select((weight, i) => (signs >> i & 1) == 0 ? weight : -weight).Sum())];
                double Probability(double[] sums, double observed)
                {
                    double larger = sums.Count(sum => sum >= observed) / (double)sums.Length;
                    double smaller = sums.Count(sum => sum <= observed) / (double)sums.Length;
                    return alternative switch
                    {
                        Alternative.TwoSided => Math.Min(1, 2 * Math.Min(larger, smaller)),
                        Alternative.Greater => larger,
                        _ => smaller,
                    };
                }

                double signed = ranks.Zip(kept, (rank, value) => Math.Sign(value) * rank).Sum();
                var wilcoxon = SignedRankTest.Of(values, zeros, alternative);
                wilcoxon.PValue.Should().BeApproximately(Probability(Sums(ranks), signed), 1e-12);
                (wilcoxon.PositiveRankSum - wilcoxon.NegativeRankSum).Should().BeApproximately(signed, 1e-12);
                var flips = SignFlipTest.Of(values, zeros, alternative);
                flips.PValue.Should().BeApproximately(Probability(Sums(kept), kept.Sum()), 1e-12);
                flips.Choices.Should().Be(1L << kept.Length);
                flips.Mean.Should().BeApproximately(values.Average(), 1e-12);
            },
            300);

    [Fact]
    public void The_normal_approximation_agrees_with_what_is_published_and_with_the_exact_value()
    {
        // R's wilcox.test of the sleep data: V = 0 with ties and a zero, p = 0.009091. Ranks 1.2, 2.4, 1.3, 1.3, 1, 1.8, 0.8, 4.6, 1.4.
        long[] doubledRanks = [6, 16, 9, 9, 4, 14, 2, 18, 12];
        var (_, smaller) = SignedRankTest.Approximate(doubledRanks, 0);
        (2 * smaller).Should().BeApproximately(0.009091, 5e-7);

        // 50 differences are exact, 51 are not; a 51st that adds nothing to either side's chances changes little.
        var random = new Random(3);
        double[] values = [.. Enumerable.Range(0, 51).Select(_ => random.NextDouble() - 0.35)];
        var exact = SignedRankTest.Of(values[..50], Zeros[..50]);
        long[] ranks = [.. Enumerable.Range(1, 50).Select(rank => 2L * rank)];
        var (larger, _) = SignedRankTest.Approximate(ranks, exact.PositiveRankSum);
        exact.PValue.Should().BeApproximately(2 * larger, 0.003);
        SignedRankTest.Of(values, Zeros[..51]).IsExact.Should().BeFalse();
        SignedRankTest.Of(values, Zeros[..51]).PValue.Should().BeInRange(0, 1);

        // Even sums: nothing to tell.
        double[] even = [.. Enumerable.Range(0, 60).Select(i => i % 2 == 0 ? 1.0 : -1)];
        SignedRankTest.Of(even, Zeros[..60]).PValue.Should().Be(1);
        SignedRankTest.Of(even, Zeros[..60]).ToString().Should().Be("signed ranks +915 -915, 60 pairs, 0 zeros, p = 1 (normal)");
    }

    [Fact]
    public void Sign_flips_agree_with_Fisher()
    {
        // R. Fisher, The Design of Experiments, §21: 1726 of 32768 choices, or 5.267 per cent.
        var test = SignFlipTest.Of(Darwin, Zeros[..15]);
        (test.PValue, test.IsExact, test.Choices, test.Pairs).Should().Be((1726 / 32768.0, true, 32768, 15));
        test.ToString().Should().Be("mean difference 20.93, 15 pairs, p = 0.053 (exact)");
    }

    [Fact]
    public void Drawn_sign_flips_come_near_the_exact_value_and_repeat_with_the_seed()
    {
        // The same differences with small ones beside them, too many to count.
        double[] many = [.. Darwin, .. Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? 1e-3 : -1e-3)];
        SignFlipTest Test(int seed) => SignFlipTest.Of(many, Zeros[..35], draws: 20_000, generator: Data.Generator(seed));
        var test = Test(1);
        (test.IsExact, test.Choices).Should().Be((false, 20_000));
        test.ToString().Should().EndWith("(20000 draws)");
        test.PValue.Should().BeApproximately(1726 / 32768.0, 0.006);                     // about 4 standard errors
        Test(1).Should().Be(test);
        Test(2).PValue.Should().NotBe(test.PValue);

        // What is more extreme than all draws is not impossible.
        double[] clear = [.. Enumerable.Repeat(1.0, 64)];
        SignFlipTest.Of(clear, Zeros[..64], draws: 99, generator: Data.Generator(1)).PValue.Should().Be(0.01);
        SignFlipTest.Of(clear, Zeros[..64], Alternative.Less, 99, Data.Generator(1)).PValue.Should().Be(1);
    }

    [Fact]
    public void McNemar_agrees_with_what_is_published()
    {
        // M. Fagerland et al. 2013, Table 2: 21 children, 1 and 7 discordant; exact 0.070, mid-p 0.039.
        double[] x = [.. Enumerable.Repeat(1.0, 1), .. Enumerable.Repeat(0.0, 7), .. Enumerable.Repeat(1.0, 13)];
        double[] y = [.. Enumerable.Repeat(0.0, 1), .. Enumerable.Repeat(1.0, 7), .. Enumerable.Repeat(1.0, 13)];
        var test = McNemarTest.Of(x, y);
        (test.Pairs, test.OnlyValues, test.OnlyBaseline).Should().Be((21, 1, 7));
        test.PValue.Should().BeApproximately(18 / 256.0, 1e-12);
        test.MidPValue.Should().BeApproximately(10 / 256.0, 1e-12);
        test.ChiSquared.Should().BeApproximately(25 / 8.0, 1e-12);
        test.Difference.Should().BeApproximately(-6 / 21.0, 1e-12);
        McNemarTest.Of([.. x.Select(hit => hit == 1)], [.. y.Select(hit => hit == 1)]).Should().Be(test);
        test.ToString().Should().Be("1 right only here, 7 only in the baseline, of 21, p = 0.07 (exact)");

        var even = McNemarTest.Of([true, true, false, false], [false, false, true, true]);
        (even.PValue, even.MidPValue, even.ChiSquared).Should().Be((1, 1 - (6 / 32.0), 0));
        var same = McNemarTest.Of([true, false], [true, false]);
        (same.PValue, same.MidPValue, same.ChiSquared, same.Difference).Should().Be((1, 1, 0, 0));
    }

    [Fact]
    public void Equal_systems_do_not_differ()
    {
        SignedRankTest.Of(First, First).PValue.Should().Be(1);
        SignedRankTest.Of(First, First).EffectSize.Should().Be(0);
        SignFlipTest.Of(First, First).PValue.Should().Be(1);
        // One pair tells nothing.
        SignedRankTest.Of([1.0], [0.0]).PValue.Should().Be(1);
        SignFlipTest.Of([1.0], [0.0]).PValue.Should().Be(1);
    }

    [Fact]
    public void Refuses_what_it_cannot_compare()
    {
        foreach (var of in new Func<double[], double[], object>[]
        {
            (x, y) => PairedDifference.Of(x, y),
            (x, y) => SignedRankTest.Of(x, y),
            (x, y) => SignFlipTest.Of(x, y),
            (x, y) => McNemarTest.Of(x, y),
            (x, y) => Bootstrap.MeanDifference(x, y),
        })
        {
            RetrievalTests.Refuses(() => of(null!, [1, 1]), "values");
            RetrievalTests.Refuses(() => of([1, 1], null!), "baseline");
            RetrievalTests.Refuses(() => of([], []), "values", "has 0");
            RetrievalTests.Refuses(() => of([1, 0, 1], [1, 1]), "baseline", "3 values", "2");
            RetrievalTests.Refuses(() => of([1, double.NaN], [1, 1]), "values", "NaN at 1");
            RetrievalTests.Refuses(() => of([1, 1], [double.PositiveInfinity, 1]), "baseline", "Infinity at 0");
        }

        RetrievalTests.Refuses(() => PairedDifference.Of([1, 2], [0, 0], level: 1), "level", "(0, 1)");
        RetrievalTests.Refuses(() => PairedDifference.Of([1, 2], [0, 0], alternative: (Alternative)7), "alternative", "7");
        RetrievalTests.Refuses(() => SignFlipTest.Of([1, 2], [0, 0], draws: 0), "draws", "at least 1");
        RetrievalTests.Refuses(() => McNemarTest.Of([1, 0.5], [0, 0]), "values", "0.5 at 1");
        RetrievalTests.Refuses(() => McNemarTest.Of([true], [true, false]), "baseline", "1 values", "2");
    }

    [Fact]
    public void One_large_pair_says_nothing_of_the_others_rounding()
    {
        double[] values = [.. First.Select(value => value / 1000)], baseline = [.. Second.Select(value => value / 1000)];
        double[] more = [1e13, .. values], moreBaseline = [1e13, .. baseline];
        var ranks = SignedRankTest.Of(more, moreBaseline);
        (ranks.Zeros, ranks.PValue).Should().Be((2, SignedRankTest.Of(values, baseline).PValue));
        SignFlipTest.Of(more, moreBaseline).PValue.Should().Be(SignFlipTest.Of(values, baseline).PValue);
        var difference = PairedDifference.Of(more, moreBaseline);
        (difference.Won, difference.Lost).Should().Be((0, 9));
        difference.Mean.Should().BeApproximately(-1.58e-3 * 10 / 11, 1e-12);
        difference.PValue.Should().BeInRange(0.001, 0.01);
        Bootstrap.MeanDifference(more, moreBaseline, generator: Data.Generator(1)).Estimate.Should().BeApproximately(difference.Mean, 1e-12);

        // The large pair's own last bits are no difference.
        SignedRankTest.Of([1e13 + 0.002, 1], [1e13, 0]).Zeros.Should().Be(1);
        // Where it differs it is as good as any other: 1 and 1 and 1, up to the rounding of each.
        PairedDifference.Of([1e13 + 1, 0.9, 5], [1e13, -0.1, 4]).StandardDeviation.Should().Be(0);
        PairedDifference.Of([1e13 + 1, 0.9, 5.001], [1e13, -0.1, 4]).StandardDeviation.Should().BeGreaterThan(0);
    }

    [Theory]
    [InlineData(532)]
    [InlineData(-560)]
    [InlineData(1015)]
    [InlineData(-1000)]
    public void Tests_do_not_depend_on_the_unit(int power)
    {
        double unit = Math.ScaleB(1, power);
        double[] values = [.. First.Select(value => value * unit)], baseline = [.. Second.Select(value => value * unit)];
        var expected = PairedDifference.Of(First, Second);
        var difference = PairedDifference.Of(values, baseline);
        (difference.PValue / expected.PValue).Should().BeApproximately(1, 1e-9);
        (difference.Mean / unit).Should().BeApproximately(expected.Mean, 1e-12);
        (difference.StandardDeviation / unit).Should().BeApproximately(expected.StandardDeviation, 1e-12);
        SignFlipTest.Of(values, baseline).PValue.Should().Be(SignFlipTest.Of(First, Second).PValue);
        (SignFlipTest.Of(values, baseline).Mean / unit).Should().BeApproximately(-1.58, 1e-12);
        SignedRankTest.Of(values, baseline).PValue.Should().Be(SignedRankTest.Of(First, Second).PValue);
    }

    [Fact]
    public void Differences_beyond_a_double_are_refused()
        => RetrievalTests.Refuses(() => PairedDifference.Of([1, 1.5e308], [0, -1.5e308]), "values", "1.5E+308 at 1", "-1.5E+308");
}
