using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

/// <summary>RankMe, centred kernel alignment and hubness by hand.</summary>
public class SpectrumTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Effective_rank_of_cases_done_by_hand(ScalarType type)
    {
        using var scope = NewDisposeScope();
        EffectiveRank.Compute(eye(6, dtype: type)).Should().BeApproximately(6, 1e-4);
        EffectiveRank.Compute(ones(50, 8, dtype: type)).Should().BeApproximately(1, 1e-4);
        EffectiveRank.Compute(zeros(5, 3, dtype: type)).Should().Be(1);
        // Singular values 3 and 1, wide and tall: p = 3/4 and 1/4.
        double expected = Math.Exp(-((0.75 * Math.Log(0.75)) + (0.25 * Math.Log(0.25))));
        var tall = zeros(9, 2, dtype: type);
        (tall[4, 0], tall[7, 1]) = (tensor(3.0).to_type(type), tensor(1.0).to_type(type));
        EffectiveRank.Compute(tall).Should().BeApproximately(expected, 1e-4);
        EffectiveRank.Compute(tall.t().mul(1e-30)).Should().BeApproximately(expected, 1e-4);
    }

    [Fact]
    public void Effective_rank_is_that_of_the_singular_values()
    {
        using var scope = NewDisposeScope();
        var x = Data.Normal(40, 7, 1);
        double[] values = linalg.svdvals(x).data<double>().ToArray();
        double[] p = [.. values.Select(value => (value / values.Sum()) + 1e-7)];
        EffectiveRank.Compute(x).Should().BeApproximately(Math.Exp(-p.Sum(one => one * Math.Log(one))), 1e-9);
        Data.LeftBehind(() => EffectiveRank.Compute(x)).Should().Be(0);
        RetrievalTests.Refuses(() => EffectiveRank.Compute(x.mul(double.NaN)), "x", "280 values of 280");
    }

    [Fact]
    public void Kernel_alignment_of_a_case_done_by_hand()
    {
        using var scope = NewDisposeScope();
        // Centred: x = (-1, 0, 1), y = (-2, 1, 1): ⟨x, y⟩² / (‖x‖² ‖y‖²) = 9 / (2 · 6).
        var (x, y) = (Data.Matrix(new double[,] { { 4 }, { 5 }, { 6 } }), Data.Matrix(new double[,] { { 0 }, { 3 }, { 3 } }));
        LinearCka.Compute(x, y).Should().BeApproximately(9 / 12.0, 1e-12);
        LinearCka.Compute(x, ones(3, 2, dtype: ScalarType.Float64)).Should().Be(double.NaN);
    }

    [Fact]
    public void Kernel_alignment_sees_neither_rotation_nor_scale_nor_shift()
    {
        using var scope = NewDisposeScope();
        Tensor x = Data.Normal(60, 5, 1), rotation = linalg.qr(Data.Normal(5, 5, 2)).Q, y = Data.Normal(60, 4, 3);
        LinearCka.Compute(x, x.matmul(rotation).mul(7).add(100)).Should().BeApproximately(1, 1e-9);
        // By its formula with Gram matrices.
        Tensor Gram(Tensor rows) => (rows - rows.mean([0])).matmul((rows - rows.mean([0])).t());
        double Sum(Tensor a, Tensor b) => a.mul(b).sum().item<double>();
        var (k, l) = (Gram(x), Gram(y));
        LinearCka.Compute(x, y).Should().BeApproximately(Sum(k, l) / Math.Sqrt(Sum(k, k) * Sum(l, l)), 1e-9);
        Data.LeftBehind(() => LinearCka.Compute(x, y)).Should().Be(0);
        RetrievalTests.Refuses(() => LinearCka.Compute(x, y.narrow(0, 0, 9)), "y", "60 rows", "9");
    }

    [Fact]
    public void Hubs_of_a_case_done_by_hand()
    {
        using var scope = NewDisposeScope();
        // A star: three points around one, nearer to it than to each other.
        var star = Data.Matrix(new double[,] { { 0, 0 }, { 1, 0 }, { -0.5, 0.9 }, { -0.5, -0.9 } });
        var report = Hubness.Within(star, k: 1, NeighborSimilarity.Euclidean);
        report.Occurrences[0].Should().Be(3);
        report.Occurrences.Sum().Should().BeApproximately(4, 1e-12);
        // The centre is at 1 from one and at √1.06 from two.
        report.Occurrences.Should().Equal(3, 1, 0, 0);
        (report.Largest, report.NeverFound).Should().Be((3, 0.5));
        double deviation = Math.Sqrt((4 + 0 + 1 + 1) / 4.0);
        report.Skewness.Should().BeApproximately((8 - 1 - 1) / 4.0 / Math.Pow(deviation, 3), 1e-12);
        report.ToString().Should().StartWith("1 neighbours: skewness ");

        // Collapsed features: all tie, all are found alike.
        Hubness.Evaluate(ones(10, 3), ones(5, 3), 2).Occurrences.Should().OnlyContain(count => Math.Abs(count - 4) < 1e-12);
        Hubness.Within(ones(5, 3), 2).Skewness.Should().Be(0);
        RetrievalTests.Refuses(() => Hubness.Within(star, 0), "k", "at least 1");
    }
}
