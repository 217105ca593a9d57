using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class SoftmaxRegressionTests
{
    private static readonly double[,] Rows = { { 0.5, 1 }, { -1, 0.3 }, { 2, -0.7 }, { 0.1, 0.2 }, { -0.4, -2 }, { 1.5, 1.1 } };
    private static readonly long[] Labels = [0, 1, 2, 1, 2, 0];

    private static Tensor Design(double[,] rows)
        => cat([Data.Matrix(rows), ones(rows.GetLength(0), 1, dtype: ScalarType.Float64)], 1);

    /// <summary>The objective as the formula reads; each row of theta is (w_c, b_c).</summary>
    private static double Objective(double[,] rows, long[] labels, int classes, double[] theta, double strength)
    {
        int features = rows.GetLength(1), width = features + 1;
        double Logit(int i, long c)
            => Enumerable.Range(0, features).Sum(d => rows[i, d] * theta[(c * width) + d]) + theta[(c * width) + features];
        double loss = Enumerable.Range(0, labels.Length).Average(i =>
            Math.Log(Enumerable.Range(0, classes).Sum(c => Math.Exp(Logit(i, c)))) - Logit(i, labels[i]));
        return loss + (strength / 2 * theta.Where((_, at) => at % width != features).Sum(w => w * w));
    }

    [Theory]
    [InlineData(1e-3)]
    [InlineData(0.7)]
    public void Value_and_gradient_agree_with_the_formula_and_its_differences(double strength)
    {
        using var scope = NewDisposeScope();
        var objective = new SoftmaxObjective(Design(Rows), tensor(Labels), 3);
        double[] theta = Data.Normal(1, objective.Parameters, 4).data<double>().ToArray();
        var (value, gradient) = objective.Evaluate(theta, strength);
        value.Should().BeApproximately(Objective(Rows, Labels, 3, theta, strength), 1e-13);
        for (int i = 0; i < theta.Length; i++)
        {
            double At(double h) => Objective(Rows, Labels, 3, [.. theta.Select((t, j) => j == i ? t + h : t)], strength);
            gradient[i].Should().BeApproximately((At(1e-5) - At(-1e-5)) / 2e-5, 1e-9);
        }
    }

    [Fact]
    public void More_rows_than_one_chunk()
    {
        using var scope = NewDisposeScope();
        // A chunk holds 2^20 logits: 699 rows of 1500 classes.
        var x = Data.Normal(1500, 3, 2);
        var design = cat([x, ones(1500, 1, dtype: ScalarType.Float64)], 1);
        var labels = arange(1500);
        double[] theta = Data.Normal(1, 1500 * 4, 4).data<double>().ToArray();
        var (value, gradient) = new SoftmaxObjective(design, labels, 1500).Evaluate(theta, 0.1);

        var parameters = tensor(theta).reshape(1500, 4).requires_grad_();
        var expected = nn.functional.cross_entropy(design.matmul(parameters.t()), labels)
            .add(parameters.narrow(1, 0, 3).pow(2).sum().mul(0.05));
        expected.backward();
        value.Should().BeApproximately(expected.item<double>(), 1e-11);
        tensor(gradient).reshape(1500, 4).sub(parameters.grad!).abs().max().item<double>().Should().BeLessThan(1e-14);
    }

    [Theory]
    [InlineData(1e-4)]
    [InlineData(1e-2)]
    [InlineData(1.0)]
    [InlineData(100.0)]
    public void Finds_the_optimum_that_Newton_finds(double strength)
    {
        using var scope = NewDisposeScope();
        Tensor x = Data.Normal(60, 3, 5), labels = Data.Normal(60, 4, 6).argmax(1);
        var design = cat([x, ones(60, 1, dtype: ScalarType.Float64)], 1);
        var objective = new SoftmaxObjective(design, labels, 4);
        var solution = SoftmaxRegression.Fit(objective, strength, new double[objective.Parameters], 1e-10, 2000);
        solution.Converged.Should().BeTrue();
        solution.Evaluations.Should().BeInRange(2, 500);
        Largest(tensor(solution.Point) - tensor(Newton(design, labels, 4, strength))).Should().BeLessThan(1e-5);
    }

    [Theory]
    [InlineData(1e-4)]
    [InlineData(1e-2)]
    [InlineData(1.0)]
    public void Nearly_every_step_takes_one_evaluation(double strength)
    {
        using var scope = NewDisposeScope();
        Tensor x = Data.Normal(500, 20, 1), labels = (x.narrow(1, 0, 5) + Data.Normal(500, 5, 2)).argmax(1);
        var objective = new SoftmaxObjective(cat([x, ones(500, 1, dtype: ScalarType.Float64)], 1), labels, 5);
        var solution = SoftmaxRegression.Fit(objective, strength, new double[objective.Parameters], 1e-5, 2000);
        solution.Converged.Should().BeTrue();
        solution.Evaluations.Should().BeLessThan(17);
        // From far away, and where a first step is much too long.
        var far = SoftmaxRegression.Fit(objective, strength, [.. solution.Point.Select((entry, i) => entry + (100 * Math.Sin(i)))], 1e-5, 2000);
        far.Converged.Should().BeTrue();
        Largest(tensor(far.Point).reshape(5, -1).narrow(1, 0, 20) - tensor(solution.Point).reshape(5, -1).narrow(1, 0, 20))
            .Should().BeLessThan(0.5);
    }

    /// <summary>
    /// Newton's method with halved steps, from the explicit Hessian; the least-squares step leaves Σ_c b_c at 0.
    /// </summary>
    private static double[] Newton(Tensor design, Tensor labels, int classes, double strength)
    {
        long rows = design.shape[0], width = design.shape[1];
        var penalty = ones(classes, width, dtype: ScalarType.Float64);
        penalty.narrow(1, width - 1, 1).zero_();
        penalty = penalty.mul(strength).flatten();
        var oneHot = nn.functional.one_hot(labels, classes).to_type(ScalarType.Float64);
        var theta = zeros(classes * width, dtype: ScalarType.Float64);
        Tensor Logits(Tensor at) => design.matmul(at.reshape(classes, width).t());
        double Value(Tensor at) => nn.functional.cross_entropy(Logits(at), labels)
            .add((penalty * at * at).sum().mul(0.5)).item<double>();
        for (int step = 0; step < 50; step++)
        {
            var p = Logits(theta).softmax(1);
            var gradient = (p - oneHot).t().matmul(design).div(rows).flatten() + (penalty * theta);
            var curvature = diag_embed(p) - p.unsqueeze(2).mul(p.unsqueeze(1));                          // (n, C, C)
            var hessian = einsum("nab,ni,nj->aibj", curvature, design, design).div(rows)
                .reshape(classes * width, classes * width) + diag(penalty);
            var direction = linalg.pinv(hessian, hermitian: true).matmul(gradient);
            double length = 1;
            while (length > 1e-8 && Value(theta - direction.mul(length)) > Value(theta))
                length /= 2;
            theta -= direction.mul(length);
        }

        return theta.data<double>().ToArray();
    }

    [Fact]
    public void Symmetric_rows_have_the_optimum_of_one_equation()
    {
        using var scope = NewDisposeScope();
        // Rows at ±1, labels by sign: w_1 = -w_0 = w, b = 0. log(1 + exp(-2w)) + λ w² is least where σ(-2w) = λ w.
        var objective = new SoftmaxObjective(Design(new double[,] { { 1 }, { -1 } }), tensor(new long[] { 1, 0 }), 2);
        var solution = SoftmaxRegression.Fit(objective, 0.1, new double[4], 1e-12, 1000);
        double w = solution.Point[2];
        (1 / (1 + Math.Exp(2 * w))).Should().BeApproximately(0.1 * w, 1e-10);
        solution.Point.Should().BeEquivalentTo([-w, 0, w, 0], options => options
            .Using<double>(c => c.Subject.Should().BeApproximately(c.Expectation, 1e-9)).WhenTypeIs<double>());
    }

    [Fact]
    public void At_the_optimum_nothing_throws_and_the_report_is_honest()
    {
        using var scope = NewDisposeScope();
        var objective = new SoftmaxObjective(Design(Rows), tensor(Labels), 3);
        var origin = new double[objective.Parameters];
        var solution = SoftmaxRegression.Fit(objective, 0.1, origin, 1e-10, 1000);
        origin.Should().OnlyContain(entry => entry == 0);

        var again = SoftmaxRegression.Fit(objective, 0.1, solution.Point, 1e-10, 1000);
        (again.Converged, again.Evaluations).Should().Be((true, 1));
        again.Point.Should().Equal(solution.Point);

        // Beyond what float64 can reach: the line search fails, and the best point is returned as not converged.
        var impossible = SoftmaxRegression.Fit(objective, 0.1, solution.Point, 1e-300, 1000);
        impossible.Converged.Should().BeFalse();
        objective.Evaluate(impossible.Point, 0.1).Value
            .Should().BeLessThanOrEqualTo(objective.Evaluate(solution.Point, 0.1).Value);

        var tooFew = SoftmaxRegression.Fit(objective, 1e-4, origin, 1e-10, 7);
        (tooFew.Converged, tooFew.Evaluations).Should().Be((false, 7));
        objective.Evaluate(tooFew.Point, 1e-4).Value.Should().BeLessThan(Math.Log(3));
    }

    private static double Largest(Tensor difference) => difference.abs().max().item<double>();
}
