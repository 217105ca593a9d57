using TorchSharp.Modules;
using static Contrastive.Evaluation.Tests.RetrievalTests;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public sealed class GradientBiasTests : IDisposable
{
    private const int N = 7;

    private readonly Tensor _data = Data.Normal(N, 3, 5);
    private readonly Parameter _weight = new(Data.Normal(3, 1, 6).mul(0.7), requires_grad: true);
    private readonly Parameter _shift = new(zeros(1, dtype: ScalarType.Float64), requires_grad: true);

    public void Dispose()
    {
        _data.Dispose();
        _weight.Dispose();
        _shift.Dispose();
    }

    private Tensor Scores(Tensor rows) => rows.matmul(_weight).squeeze(1) + _shift;

    /// <summary>A mean over samples: its minibatch gradient is unbiased.</summary>
    private Tensor Linear(Tensor indices) => Scores(_data.index_select(0, indices)).exp().mean();

    /// <summary>The logarithm of a mean over the batch: biased, as InfoNCE is.</summary>
    private Tensor Logarithmic(Tensor indices) => Linear(indices).log() + _weight.pow(2).sum();

    private static Tensor All => arange(N);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public void Enumeration_finds_no_bias_in_a_mean_over_samples(long batchSize)
    {
        var report = GradientBias.Enumerate([_weight, _shift], () => Linear(All), Linear, N, batchSize);
        report.RelativeBias.Should().BeLessThan(1e-12);
        report.CorrectedRelativeBias.Should().Be(report.RelativeBias);
        report.StandardError.Should().Be(0);
        report.CosineSimilarity.Should().BeApproximately(1, 1e-12);
        report.Batches.Should().Be(batchSize switch { 3 => 35, _ => batchSize == 1 ? 7 : 1 });
        report.BatchNoise.Should().BeGreaterThanOrEqualTo(batchSize == 7 ? 0 : 0.01);
    }

    [Fact]
    public void Agrees_with_a_case_done_by_hand()
    {
        // Samples 1 and 3, loss (Σ x w)² / B at w = 1: full gradient 2 · 4² / 2 = 16; single batches 2 and 18, mean 10.
        using var samples = tensor(new double[] { 1, 3 });
        using var w = ones(1, dtype: ScalarType.Float64, requires_grad: true);
        Tensor Loss(Tensor rows) => rows.mul(w).sum().pow(2) / rows.numel();
        var report = GradientBias.Enumerate([w], () => Loss(samples), indices => Loss(samples.index_select(0, indices)), 2, 1);
        report.FullGradientNorm.Should().BeApproximately(16, 1e-12);
        report.RelativeBias.Should().BeApproximately(6.0 / 16, 1e-12);
        report.BatchNoise.Should().BeApproximately(8.0 / 16, 1e-12);
        report.CosineSimilarity.Should().Be(1);
        report.Batches.Should().Be(2);
    }

    [Fact]
    public void The_bias_of_a_logarithm_falls_with_the_batch()
    {
        double[] bias = [.. Enumerable.Range(1, N).Select(size =>
            GradientBias.Enumerate([_weight, _shift], () => Logarithmic(All), Logarithmic, N, size).RelativeBias)];
        bias.Should().BeInDescendingOrder();
        bias[0].Should().BeGreaterThan(0.1);
        bias[^1].Should().BeLessThan(1e-12);
    }

    [Theory]
    [InlineData(2, 1500)]
    [InlineData(3, 1500)]
    public void Random_batches_agree_with_enumeration(long batchSize, long batches)
    {
        var exact = GradientBias.Enumerate([_weight, _shift], () => Logarithmic(All), Logarithmic, N, batchSize);
        using var generator = new Generator(11);
        var estimate = GradientBias.Estimate(
            [_weight, _shift], () => Logarithmic(All), Logarithmic, N, batchSize, batches, generator);
        estimate.Batches.Should().Be(batches);
        estimate.FullGradientNorm.Should().Be(exact.FullGradientNorm);
        estimate.StandardError.Should().BeInRange(1e-4, 0.05);
        estimate.RelativeBias.Should().BeApproximately(exact.RelativeBias, 3 * estimate.StandardError);
        estimate.CorrectedRelativeBias.Should().BeApproximately(exact.RelativeBias, 3 * estimate.StandardError);
        estimate.BatchNoise.Should().BeApproximately(exact.BatchNoise, 0.1 * exact.BatchNoise);
        estimate.CosineSimilarity.Should().BeApproximately(exact.CosineSimilarity, 0.01);
    }

    [Fact]
    public void The_standard_error_is_the_spread_of_the_relative_bias()
    {
        // Of an unbiased loss, the root mean square of the relative bias over many runs. 7 = 2 · 3 + 1: one sample of each
        // permutation is left out, so that the noise does not cancel.
        double squares = 0, predicted = 0;
        for (int run = 0; run < 40; run++)
        {
            using var generator = new Generator((ulong)run);
            var report = GradientBias.Estimate([_weight, _shift], () => Linear(All), Linear, N, 3, 40, generator);
            squares += report.RelativeBias * report.RelativeBias / 40;
            predicted += report.StandardError * report.StandardError / 40;
        }

        Math.Sqrt(squares / predicted).Should().BeInRange(0.75, 1.3);
    }

    [Fact]
    public void Whole_permutations_of_a_mean_over_samples_have_no_noise()
    {
        using var generator = new Generator(1);
        var even = GradientBias.Estimate([_weight], () => Linear(All), Linear, N, 1, 3 * N, generator);
        even.RelativeBias.Should().BeLessThan(1e-12);
        even.StandardError.Should().BeLessThan(1e-12);

        // Less than two permutations: only the batches' own spread is known.
        var few = GradientBias.Estimate([_weight], () => Linear(All), Linear, N, 1, 4, generator);
        few.StandardError.Should().BeApproximately(few.BatchNoise / 2, 1e-12);
    }

    [Fact]
    public void Batches_are_pieces_of_permutations()
    {
        var seen = new List<long[]>();
        Tensor Record(Tensor indices)
        {
            indices.dtype.Should().Be(ScalarType.Int64);
            seen.Add(indices.data<long>().ToArray());
            return Linear(indices);
        }

        using (var generator = new Generator(3))
            GradientBias.Estimate([_weight], () => Linear(All), Record, N, 2, 7, generator);
        seen.Should().HaveCount(7).And.OnlyContain(batch => batch.Length == 2);
        foreach (long[][] permutation in seen.Chunk(3))
            permutation.SelectMany(batch => batch).Should().OnlyHaveUniqueItems();

        var first = seen.ToArray();
        seen.Clear();
        using (var generator = new Generator(3))
            GradientBias.Estimate([_weight], () => Linear(All), Record, N, 2, 7, generator);
        seen.Should().BeEquivalentTo(first, options => options.WithStrictOrdering());

        seen.Clear();
        GradientBias.Enumerate([_weight], () => Linear(All), Record, 5, 3);
        seen.Select(batch => string.Join(' ', batch)).Should().Equal(
            "0 1 2", "0 1 3", "0 1 4", "0 2 3", "0 2 4", "0 3 4", "1 2 3", "1 2 4", "1 3 4", "2 3 4");
    }

    [Fact]
    public void Unused_parameters_have_gradient_zero_and_nothing_is_touched()
    {
        using var unused = new Parameter(ones(2, 2), requires_grad: true);
        using var half = new Parameter(ones(1, dtype: ScalarType.BFloat16), requires_grad: true);
        using var earlier = ones_like(_weight);
        _weight.grad = earlier;

        // As during evaluation: gradients are taken nevertheless.
        using (no_grad())
        {
            var without = GradientBias.Enumerate([_weight], () => Logarithmic(All), Logarithmic, N, 2);
            var with = GradientBias.Enumerate([_weight, unused], () => Logarithmic(All), Logarithmic, N, 2);
            with.RelativeBias.Should().Be(without.RelativeBias);
            GradientBias.Enumerate([half], () => half.sum(), _ => half.sum(), N, 2).RelativeBias.Should().Be(0);
            is_grad_enabled().Should().BeFalse();
        }

        _weight.grad!.Equals(earlier).Should().BeTrue();
        _shift.grad.Should().BeNull();
        unused.grad.Should().BeNull();
        (_weight.requires_grad && unused.requires_grad).Should().BeTrue();
    }

    [Fact]
    public void At_a_stationary_point_relative_figures_are_infinite_or_NaN()
    {
        using var rows = tensor(new double[] { 1, -1 });
        Tensor Mean(Tensor indices) => (_shift * rows.index_select(0, indices)).mean();
        var unbiased = GradientBias.Enumerate([_shift], () => Mean(arange(2)), Mean, 2, 1);
        (unbiased.FullGradientNorm, unbiased.BatchNoise).Should().Be((0, double.PositiveInfinity));
        unbiased.RelativeBias.Should().Be(double.NaN);
        var biased = GradientBias.Enumerate([_shift], () => Mean(arange(2)), _ => _shift.sum(), 2, 1);
        biased.RelativeBias.Should().Be(double.PositiveInfinity);
        biased.CosineSimilarity.Should().Be(double.NaN);
    }

    [Fact]
    public void Takes_the_parameters_of_a_module()
    {
        using var module = nn.Linear(3, 1, dtype: ScalarType.Float64);
        var report = GradientBias.Enumerate(
            module.parameters(),
            () => module.forward(_data).pow(2).mean(),
            indices => module.forward(_data.index_select(0, indices)).pow(2).mean().reshape(1),
            N,
            3);
        report.RelativeBias.Should().BeLessThan(1e-12);
    }

    [Fact]
    public void Leaves_no_tensors_behind()
    {
        using var unused = new Parameter(ones(2, 2), requires_grad: true);
        using var generator = new Generator(3);
        Data.LeftBehind(() => GradientBias.Enumerate(
            [_weight, unused], () => Logarithmic(All), Logarithmic, N, 2)).Should().Be(0);
        Data.LeftBehind(() => GradientBias.Estimate(
            [_weight, unused], () => Logarithmic(All), Logarithmic, N, 2, 20, generator)).Should().Be(0);

        // Nor do they pile up while it runs.
        long most = 0;
        long before = Tensor.TotalCount;
        GradientBias.Estimate(
            [_weight],
            () => Linear(All),
            indices =>
            {
                most = Math.Max(most, Tensor.TotalCount - before);
                return Linear(indices);
            },
            N, 2, 100, generator);
        most.Should().BeLessThan(10);
    }

    [Fact]
    public void Refuses_what_has_no_gradient()
    {
        Tensor Full() => Linear(All);
        using var frozen = ones(2);
        using var integer = ones(2, dtype: ScalarType.Int64);
        Refuses(() => GradientBias.Enumerate(null!, Full, Linear, N, 2), "parameters");
        Refuses(() => GradientBias.Enumerate([], Full, Linear, N, 2), "parameters", "0 tensors");
        Refuses(() => GradientBias.Enumerate([_weight, frozen], Full, Linear, N, 2), "parameters", "parameters[1]", "require");
        Refuses(() => GradientBias.Enumerate([integer], Full, Linear, N, 2), "parameters[0]", "Int64");
        Refuses(() => GradientBias.Enumerate([_weight], null!, Linear, N, 2), "fullLoss");
        Refuses(() => GradientBias.Enumerate([_weight], Full, null!, N, 2), "batchLoss");
        Refuses(() => GradientBias.Enumerate([_weight], Full, Linear, 1, 1), "samples", "at least 2", "1");
        Refuses(() => GradientBias.Enumerate([_weight], Full, Linear, N, 0), "batchSize", "at least 1", "0");
        Refuses(() => GradientBias.Enumerate([_weight], Full, Linear, N, 8), "batchSize", "at most the 7", "8");
        Refuses(() => GradientBias.Enumerate([_weight], Full, Linear, 1000, 500), "samples", "1000 samples", "1000000");
        Refuses(() => GradientBias.Enumerate([_weight], Full, Linear, N, 3, maximumBatches: 34), "samples", "34");
        Refuses(() => GradientBias.Estimate([_weight], Full, Linear, N, 2, 1), "batches", "at least 2", "1");
        Refuses(() => GradientBias.Estimate([_weight], () => null!, Linear, N, 2, 5), "fullLoss", "null");
        Refuses(() => GradientBias.Estimate([_weight], () => Scores(_data), Linear, N, 2, 5), "fullLoss", "scalar", "(7)");
        Refuses(() => GradientBias.Estimate([_weight], Full, rows => rows.sum(), N, 2, 5), "batchLoss", "Int64");
        Refuses(() => GradientBias.Estimate([_weight], Full, _ => _data.mean(), N, 2, 5), "batchLoss", "requires no gradient");
    }
}
