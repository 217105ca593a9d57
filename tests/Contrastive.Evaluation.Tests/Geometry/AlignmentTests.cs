using CsCheck;
using static Contrastive.Evaluation.Tests.RetrievalTests;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class AlignmentTests
{
    [Fact]
    public void Agrees_with_a_case_done_by_hand()
    {
        using Tensor x = Data.Matrix(new double[,] { { 2, 0 }, { 0, 3 } }), y = Data.Matrix(new double[,] { { 0, 5 }, { 0, 1 } });
        Alignment.Compute(x, y).Should().BeApproximately(1, 1e-15);                               // (√2² + 0) / 2
        Alignment.Compute(x, y, alpha: 1).Should().BeApproximately(Math.Sqrt(2) / 2, 1e-15);
        Alignment.Compute(x, y, normalize: false).Should().BeApproximately((29 + 4) / 2.0, 1e-15);
    }

    [Fact]
    public void Agrees_with_the_definition()
        => Gen.Int[1, 9].SelectMany(n => Gen.Int[1, 4].SelectMany(d => Gen.Select(
                Data.Coarse(n, d), Data.Coarse(n, d), Gen.Double[0.5, 4], Gen.Bool)))
            .Check(
                drawn =>
                {
                    var (x, y, alpha, normalize) = drawn;
                    var (a, b) = normalize ? (Data.Unit(x), Data.Unit(y)) : (x, y);
                    // ‖x - y‖ of equal directions is rounding error, which a small power makes large.
                    double expected = Enumerable.Range(0, x.GetLength(0))
                        .Average(i => Math.Pow(Data.Distance(a, i, b, i), alpha));
                    Alignment.Compute(Data.Matrix(x), Data.Matrix(y), alpha, normalize).Should().BeApproximately(expected, 1e-7);
                },
                200);

    [Fact]
    public void More_rows_than_one_chunk()
    {
        using var scope = NewDisposeScope();
        // A chunk holds 2^22 numbers.
        Tensor x = rand(2200, 2000, dtype: ScalarType.Float32), y = rand(2200, 2000, dtype: ScalarType.Float32);
        double expected = nn.functional.normalize(x).sub(nn.functional.normalize(y)).pow(2).sum(dim: 1).mean().item<float>();
        Alignment.Compute(x, y).Should().BeApproximately(expected, 1e-5);
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Half_precision_is_computed_in_float32(ScalarType type)
    {
        using var scope = NewDisposeScope();
        Tensor x = Data.Normal(20, 5, 1, type), y = Data.Normal(20, 5, 2, type);
        Alignment.Compute(x, y).Should().Be(Alignment.Compute(x.to_type(ScalarType.Float32), y.to_type(ScalarType.Float32)));
    }

    [Fact]
    public void Zero_rows_strides_and_single_rows()
    {
        using var scope = NewDisposeScope();
        Alignment.Compute(zeros(1, 3), ones(1, 3)).Should().BeApproximately(1, 1e-6);
        Tensor x = Data.Normal(20, 5, 1), y = Data.Normal(20, 5, 2);
        Alignment.Compute(Data.Strided(x), Data.Strided(y).requires_grad_())
            .Should().BeApproximately(Alignment.Compute(x, y), 1e-14);
    }

    [Fact]
    public void Leaves_no_tensors_behind()
    {
        using Tensor x = Data.Normal(20, 5, 1), y = Data.Normal(20, 5, 2);
        Data.LeftBehind(() => Alignment.Compute(x, y)).Should().Be(0);
    }

    [Fact]
    public void Refuses_what_is_no_set_of_pairs()
    {
        using var scope = NewDisposeScope();
        var x = ones(4, 3);
        Refuses(() => Alignment.Compute(x, null!), "y");
        Refuses(() => Alignment.Compute(x, ones(5, 3)), "y", "4 rows", "5");
        Refuses(() => Alignment.Compute(x, ones(4, 3, dtype: ScalarType.Float16)), "y", "Float32", "Float16");
        Refuses(() => Alignment.Compute(x, x, alpha: 0), "alpha", "positive", "0");
        Refuses(() => Alignment.Compute(x, full(4, 3, float.NaN)), "y", "12 values of 12");
    }
}
