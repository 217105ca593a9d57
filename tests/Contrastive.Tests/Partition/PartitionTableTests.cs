using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Tests.Partition;

public class PartitionTableTests
{
    [Fact]
    public void It_does_what_a_dictionary_of_numbers_does()
        => (from seed in Gen.Int[0, 1_000_000]
            from include in Gen.Bool
            from schedule in Gen.Int[0, 2]
            from measure in Gen.Enum<SimilarityMeasure>()
            select (seed, include, schedule, measure)).Check(
            x =>
            {
                const int samples = 6, batch = 4;
                var schedule = Schedules[x.schedule];
                using var loss = new GammaContrastiveLoss(
                    new PartitionTable(samples, schedule.Schedule, x.include, dtype: ScalarType.Float64),
                    Temperature.Fixed(0.5), similarity: x.measure, reduction: nn.Reduction.None);
                var estimates = new Dictionary<long, (double Z, int Visits)>();
                for (var step = 0; step < 8; step++)
                {
                    var (a, b) = (Draw.Normal(x.seed + step, batch, 3), Draw.Normal(x.seed - step, batch, 3));
                    var ids = Draw.Integers(x.seed + (7 * step), samples, batch);
                    if (ids.unique().output.shape[0] == 1) continue;
                    var s = Reference.Similarities(a, b, 0.5, x.measure);

                    var expected = new double[batch];
                    foreach (var group in Enumerable.Range(0, batch).GroupBy(i => ids[i].item<long>()))
                    {
                        var current = group.Average(i => Estimate(i));
                        var known = estimates.TryGetValue(group.Key, out var old);
                        var rho = known ? schedule.Rho(old.Visits + 1) : 1;
                        var next = known ? ((1 - rho) * old.Z) + (rho * current) : current;
                        estimates[group.Key] = (next, old.Visits + 1);
                        foreach (var i in group) expected[i] = Math.Log(x.include ? next : known ? old.Z : current) - s[i, i].item<double>();
                    }
                    loss.Evaluate(a, b, ids).Objective.ShouldEqual(tensor(expected), 1e-10);

                    double Estimate(int i)
                    {
                        var others = Enumerable.Range(0, batch).Where(j => ids[j].item<long>() != ids[i].item<long>()).ToArray();
                        return Math.Exp(s[i, i].item<double>())
                            + others.Sum(j => Math.Exp(s[i, j].item<double>())) * (samples - 1) / others.Length;
                    }
                }
                var table = (PartitionTable)loss.Estimator;
                foreach (var (id, (z, visits)) in estimates)
                {
                    table.LogPartition[id].item<double>().Should().BeApproximately(Math.Log(z), 1e-10);
                    table.Visits[id].item<long>().Should().Be(visits);
                }
                table.Visits.gt(0).sum().item<long>().Should().Be(estimates.Count);
            },
            40);

    [Theory]
    [InlineData(EStep.PosteriorMean)]
    [InlineData(EStep.Sampled)]
    public void Training_resumed_from_what_was_saved_goes_on_bit_for_bit(EStep step)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(17);
        using var other = new Generator(99);
        using var first = Create(generator);
        using var second = Create(other);

        var (reference, resumed) = (new Learner(first), new Learner(second));
        reference.Train(0, 6);
        Saved.Into(second, Saved.Of(first));
        other.set_state(generator.get_state());
        resumed.CopyFrom(reference);
        foreach (var (name, value) in first.state_dict()) second.state_dict()[name].IsSameAs(value).Should().BeTrue(name);

        reference.Train(6, 12);
        resumed.Train(6, 12);
        resumed.Weights.IsSameAs(reference.Weights).Should().BeTrue();
        foreach (var (name, value) in first.state_dict()) second.state_dict()[name].IsSameAs(value).Should().BeTrue(name);

        GammaContrastiveLoss Create(Generator source) => new(
            new PartitionTable(10, StepSizeSchedule.Power(0.7)), Temperature.Learned(), ContrastMode.Symmetric, eStep: step, generator: source);
    }

    [Fact]
    public void Symmetric_directions_keep_a_table_each_and_it_follows_the_module()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Draw.Normal(1, 3, 4), Draw.Normal(2, 3, 4));
        using var loss = new GammaContrastiveLoss(new PartitionTable(5), mode: ContrastMode.Symmetric);
        loss.forward(a, b, arange(3));
        var (table, reverse) = ((PartitionTable)loss.Estimator, (PartitionTable)loss.ReverseEstimator!);
        table.LogPartition.IsSameAs(reverse.LogPartition).Should().BeFalse();

        using var swapped = new GammaContrastiveLoss(new PartitionTable(5), mode: ContrastMode.Symmetric);
        swapped.forward(b, a, arange(3));
        ((PartitionTable)swapped.Estimator).LogPartition.ShouldEqual(reverse.LogPartition, 1e-6);

        loss.to(ScalarType.Float64);
        table.LogPartition.dtype.Should().Be(ScalarType.Float64);
        table.Visits.dtype.Should().Be(ScalarType.Int64);
        loss.forward(a, b, arange(3));
        table.Visits.max().item<long>().Should().Be(2, "the loss uses the tensors that moved");
        loss.state_dict()["estimator.visits"].max().item<long>().Should().Be(2);
    }

    [Fact]
    public void State_in_half_precision_is_refused()
    {
        using var scope = NewDisposeScope();
        using var table = new GammaContrastiveLoss(new PartitionTable(5));
        using var queue = new GammaContrastiveLoss(new PartitionQueue(5, 4));
        foreach (var (loss, name) in new[] { (table, "partition table"), (queue, "queue") })
        {
            loss.to(ScalarType.Float16);
            FluentActions.Invoking(() => loss.forward(ones(3, 4), ones(3, 4), arange(3)))
                .Should().Throw<InvalidOperationException>().WithMessage($"the {name} was converted to Float16, which is too coarse for it: convert the encoders, not the loss");
        }
    }

    [Fact]
    public void Settings_out_of_range_are_refused()
    {
        Refuses(() => new PartitionTable(1), "samples must be at least 2 but is 1");
        Refuses(() => new PartitionTable(5, population: 1), "population must be at least 2 but is 1");
        Refuses(() => new PartitionTable(5, dtype: ScalarType.Float16), "dtype must be float32 or float64 but is Float16");
        Refuses(() => StepSizeSchedule.Constant(0), "rho must lie in (0, 1] but is 0");
        Refuses(() => StepSizeSchedule.Cosine(1.5, 0.1, 3), "from must lie in (0, 1] but is 1.5");
        Refuses(() => StepSizeSchedule.Cosine(0.5, 0.1, 0), "visits must be at least 1 but is 0");
        Refuses(() => StepSizeSchedule.Power(0), "exponent must be positive and finite but is 0");
        FluentActions.Invoking(() => new GammaContrastiveLoss(null!)).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void Schedules_follow_their_formulas()
    {
        using var scope = NewDisposeScope();
        var visits = tensor(new long[] { 1, 2, 3, 10, 100 });
        foreach (var (schedule, rho) in Schedules)
        {
            var expected = visits.data<long>().ToArray().Select(v => rho((int)v)).ToArray();
            schedule.At(visits, ScalarType.Float64).ShouldEqual(tensor(expected), 1e-14);
            schedule.At(visits, ScalarType.Float32).dtype.Should().Be(ScalarType.Float32);
        }
    }

    private static readonly (StepSizeSchedule Schedule, Func<int, double> Rho)[] Schedules =
    [
        (StepSizeSchedule.Constant(0.3), _ => 0.3),
        (StepSizeSchedule.Cosine(0.8, 0.1, 10), v => 0.1 + (0.7 * (1 + Math.Cos(Math.PI * Math.Min(v, 10) / 10)) / 2)),
        (StepSizeSchedule.Power(0.6, 1.4), v => Math.Min(1, 1.4 * Math.Pow(v, -0.6))),
    ];

    /// <summary>A weight matrix trained by plain gradient descent, temperature and all.</summary>
    private sealed class Learner(GammaContrastiveLoss loss)
    {
        private readonly Tensor _data = Draw.Normal(3, 10, 4).to(ScalarType.Float32);

        public Tensor Weights { get; private set; } = Draw.Normal(4, 4, 4).to(ScalarType.Float32).detach().requires_grad_();

        public void CopyFrom(Learner other) => Weights = other.Weights.detach().clone().requires_grad_();

        public void Train(int from, int to)
        {
            var scale = loss.Temperature.parameters().Single();
            for (var step = from; step < to; step++)
            {
                var ids = Draw.Integers(step, 10, 5);
                var rows = _data.index_select(0, ids);
                var gradients = Gradients.Of(loss.forward(rows.matmul(Weights), rows, ids), Weights, scale);
                using (no_grad()) scale.sub_(gradients[1] * 0.01);
                Weights = (Weights - (gradients[0] * 0.1)).detach().requires_grad_();
            }
        }
    }
}
