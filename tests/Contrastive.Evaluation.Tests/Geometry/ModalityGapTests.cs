using CsCheck;
using static Contrastive.Evaluation.Tests.RetrievalTests;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class ModalityGapTests
{
    [Fact]
    public void Agrees_with_a_case_done_by_hand()
    {
        using Tensor x = Data.Matrix(new double[,] { { 2, 0 }, { 0, 4 } }), y = Data.Matrix(new double[,] { { -3, 0 } });
        ModalityGap.Compute(x, y).Should().BeApproximately(Math.Sqrt(2.5), 1e-15);                   // (0.5, 0.5) to (-1, 0)
        ModalityGap.Compute(x, y, normalize: false).Should().BeApproximately(Math.Sqrt(20), 1e-14);  // (1, 2) to (-3, 0)
    }

    [Fact]
    public void Agrees_with_the_definition()
        => Gen.Int[1, 9].SelectMany(n => Gen.Int[1, 9].SelectMany(m => Gen.Int[1, 4].SelectMany(d => Gen.Select(
                Data.Coarse(n, d), Data.Coarse(m, d), Gen.Bool))))
            .Check(
                drawn =>
                {
                    var (x, y, normalize) = drawn;
                    var (a, b) = normalize ? (Data.Unit(x), Data.Unit(y)) : (x, y);
                    double expected = Math.Sqrt(
                        Enumerable.Range(0, x.GetLength(1)).Sum(d => Math.Pow(Mean(a, d) - Mean(b, d), 2)));
                    ModalityGap.Compute(Data.Matrix(x), Data.Matrix(y), normalize).Should().BeApproximately(expected, 1e-13);
                },
                200);

    private static double Mean(double[,] x, int d) => Enumerable.Range(0, x.GetLength(0)).Average(i => x[i, d]);

    [Fact]
    public void More_rows_than_one_chunk()
    {
        using var scope = NewDisposeScope();
        // A chunk holds 2^22 numbers.
        var x = rand(4400, 1000, dtype: ScalarType.Float32);
        double expected = nn.functional.normalize(x.to_type(ScalarType.Float64)).mean([0]).norm().item<double>();
        ModalityGap.Compute(x, zeros(1, 1000)).Should().BeApproximately(expected, 1e-6);
    }

    [Fact]
    public void Equal_sets_have_no_gap_and_zero_rows_stay_zero()
    {
        using var scope = NewDisposeScope();
        var x = Data.Normal(20, 5, 1, ScalarType.Float16);
        ModalityGap.Compute(x, x).Should().Be(0);
        ModalityGap.Compute(Data.Strided(x), x).Should().BeLessThan(1e-6);
        ModalityGap.Compute(zeros(2, 3), ones(1, 3).requires_grad_()).Should().BeApproximately(1, 1e-6);
    }

    [Fact]
    public void Leaves_no_tensors_behind()
    {
        using Tensor x = Data.Normal(20, 5, 1), y = Data.Normal(30, 5, 2);
        Data.LeftBehind(() => ModalityGap.Compute(x, y)).Should().Be(0);
    }

    [Fact]
    public void Refuses_what_cannot_be_compared()
    {
        using var scope = NewDisposeScope();
        var x = ones(4, 3);
        Refuses(() => ModalityGap.Compute(null!, x), "x");
        Refuses(() => ModalityGap.Compute(x, ones(4, 2)), "y", "3 features", "2");
        Refuses(() => ModalityGap.Compute(x, ones(0, 3)), "y", "at least 1 rows", "0");
        Refuses(() => ModalityGap.Compute(x, full(1, 3, float.PositiveInfinity)), "y", "3 values of 3");
    }
}
