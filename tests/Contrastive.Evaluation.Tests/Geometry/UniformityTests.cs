using CsCheck;
using static Contrastive.Evaluation.Tests.RetrievalTests;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class UniformityTests
{
    [Fact]
    public void Agrees_with_a_case_done_by_hand()
    {
        // Squared distances 2, 4 and 2 between (1, 0), (0, 1) and (-1, 0).
        using var x = Data.Matrix(new double[,] { { 5, 0 }, { 0, 1 }, { -2, 0 } });
        Uniformity.Compute(x).Should().BeApproximately(Math.Log(((2 * Math.Exp(-4)) + Math.Exp(-8)) / 3), 1e-14);
        Uniformity.Compute(x, t: 0.1, normalize: false)
            .Should().BeApproximately(Math.Log((Math.Exp(-2.6) + Math.Exp(-4.9) + Math.Exp(-0.5)) / 3), 1e-14);
    }

    [Fact]
    public void Agrees_with_the_definition_for_any_shape_and_chunk()
        => Gen.Int[2, 10].SelectMany(n => Gen.Int[1, 4].SelectMany(d => Gen.Select(
                Data.Coarse(n, d), Gen.Double[0.1, 5], Gen.Int[1, 12], Gen.Bool)))
            .Check(
                drawn =>
                {
                    var (x, t, chunk, normalize) = drawn;
                    var a = normalize ? Data.Unit(x) : x;
                    int n = x.GetLength(0);
                    double expected = Math.Log(
                        (from i in Enumerable.Range(0, n)
                         from j in Enumerable.Range(i + 1, n - i - 1)
                         select Math.Exp(-t * Math.Pow(Data.Distance(a, i, a, j), 2))).Average());
                    Uniformity.Compute(Data.Matrix(x), t, normalize, chunk).Should().BeApproximately(expected, 1e-12);
                },
                200);

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Collapsed_features_score_0(ScalarType type)
    {
        using var scope = NewDisposeScope();
        Uniformity.Compute(ones(100, 300, dtype: type), chunkSize: 30).Should().BeApproximately(0, 1e-4);
        Uniformity.Compute(ones(100, 300, dtype: type).mul(1000), normalize: false).Should().BeApproximately(0, 1e-6);
        Uniformity.Compute(zeros(3, 2, dtype: type)).Should().BeApproximately(0, 1e-6);
    }

    [Fact]
    public void Sharp_potentials_do_not_vanish()
    {
        using var x = Data.Matrix(new double[,] { { 1, 0 }, { 0, 1 }, { -1, 0 } }, ScalarType.Float32);
        Uniformity.Compute(x, t: 1e5).Should().BeApproximately(-2e5 + Math.Log(2.0 / 3), 0.1);
    }

    [Fact]
    public void Distances_beyond_all_numbers_are_minus_infinity_and_not_NaN()
    {
        using var x = Data.Matrix(new double[,] { { 1e200 }, { -1e200 }, { 0 } });
        foreach (long? chunk in new long?[] { null, 1 })
            Uniformity.Compute(x, normalize: false, chunkSize: chunk).Should().Be(double.NegativeInfinity);
    }

    [Fact]
    public void Random_features_on_the_sphere_come_near_its_known_value()
    {
        // E exp(-2 ‖x - y‖²) = exp(-4) sinh(4) / 4 on the sphere in three dimensions.
        using var x = Data.Normal(2000, 3, 1, ScalarType.Float32);
        Uniformity.Compute(x, chunkSize: 300).Should().BeApproximately(Math.Log(Math.Exp(-4) * Math.Sinh(4) / 4), 0.02);
    }

    [Fact]
    public void Strides_and_half_precision()
    {
        using var scope = NewDisposeScope();
        var x = Data.Normal(20, 5, 1);
        Uniformity.Compute(Data.Strided(x).requires_grad_()).Should().BeApproximately(Uniformity.Compute(x), 1e-14);
        var half = x.to_type(ScalarType.BFloat16);
        Uniformity.Compute(half).Should().Be(Uniformity.Compute(half.to_type(ScalarType.Float32)));
    }

    [Fact]
    public void Leaves_no_tensors_behind()
    {
        using var x = Data.Normal(20, 5, 1);
        Data.LeftBehind(() => Uniformity.Compute(x, chunkSize: 7)).Should().Be(0);
        Data.LeftBehind(() => Uniformity.Compute(x, normalize: false)).Should().Be(0);
    }

    [Fact]
    public void Refuses_what_has_no_pairs()
    {
        using var scope = NewDisposeScope();
        Refuses(() => Uniformity.Compute(null!), "x");
        Refuses(() => Uniformity.Compute(ones(1, 3)), "x", "at least 2 rows", "1");
        Refuses(() => Uniformity.Compute(ones(3)), "x", "(N, D)", "(3)");
        Refuses(() => Uniformity.Compute(ones(2, 3), t: -1), "t", "positive", "-1");
        Refuses(() => Uniformity.Compute(ones(2, 3), chunkSize: 0), "chunkSize", "at least 1", "0");
        Refuses(() => Uniformity.Compute(full(2, 3, float.NaN)), "x", "6 values of 6");
    }
}
