using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

/// <summary>A step in micro-batches is the step of the whole batch.</summary>
public class LargeBatchStepTests
{
    private const double Tolerance = 1e-10;

    [Theory]
    [MemberData(nameof(StepCase.Names), MemberType = typeof(StepCase))]
    public void With_dropout_it_is_the_plain_step_of_the_same_features(string name)
    {
        // 4 divides 12 but not 11 or 13; 1 is one item at a time.
        foreach (var (count, microBatch) in new[] { (12L, 4L), (11, 4), (13, 6), (5, 1) })
        {
            foreach (var method in StepCase.All[name](count).Methods)
            {
                using var scope = NewDisposeScope();
                using var towers = new Towers(count);
                // Some .grad is there already: a step adds to it.
                foreach (var parameter in towers.Parameters.Take(2)) (parameter * parameter).sum().backward();
                var before = Gradients(towers, null);

                var plain = StepCase.All[name](count);
                manual_seed(7);
                var expected = plain.Evaluate(towers.EncodeAll(microBatch));
                expected.Loss.backward();
                var (expectedGradients, expectedState, expectedRandom) = (Gradients(towers, plain.Loss), Saved.Of(plain.Loss), rand(3));

                towers.ZeroGradients();
                foreach (var (parameter, gradient) in towers.Parameters.Zip(before))
                    if (gradient is not null) parameter.grad = gradient;
                var actual = StepCase.All[name](count);
                manual_seed(7);
                var result = new LargeBatchStep(microBatch, towers.Modules)
                    .Backward(count, towers.Encode, actual.Loss, actual.Ids, actual.Pairs, actual.CandidateIds, method: method);

                var what = $"{name} by {method}, {microBatch} of {count}";
                result.Loss.ShouldEqual(expected.Loss, Tolerance, what);
                result.Objective.ShouldEqual(expected.Objective, Tolerance, what);
                result.SkippedAnchors.Should().Be(expected.SkippedAnchors, what);
                result.Loss.requires_grad.Should().BeFalse();
                ShouldBeSame(Gradients(towers, actual.Loss), expectedGradients, what);
                rand(3).IsSameAs(expectedRandom).Should().BeTrue("random numbers go on as after a plain step");
                Saved.Of(actual.Loss).Should().Equal(expectedState, "estimators move on as in a plain step");
            }
        }
    }

    [Theory]
    [MemberData(nameof(StepCase.Names), MemberType = typeof(StepCase))]
    public void Without_dropout_it_is_the_plain_step_of_one_encoding(string name)
    {
        const long count = 11;
        foreach (var method in StepCase.All[name](count).Methods)
        {
            using var scope = NewDisposeScope();
            using var towers = new Towers(count, dropout: 0);
            var plain = StepCase.All[name](count);
            manual_seed(7);
            var expected = plain.Evaluate(towers.Encode(0, count));
            expected.Loss.backward();
            var gradients = Gradients(towers, plain.Loss);

            towers.ZeroGradients();
            var actual = StepCase.All[name](count);
            manual_seed(7);
            var result = new LargeBatchStep(3, towers.Modules)
                .Backward(count, towers.Encode, actual.Loss, actual.Ids, actual.Pairs, actual.CandidateIds, method: method);
            result.Loss.ShouldEqual(expected.Loss, Tolerance, name);
            ShouldBeSame(Gradients(towers, actual.Loss), gradients, $"{name} by {method}");
        }
    }

    [Theory]
    [InlineData(LargeBatchMethod.Accumulation)]
    [InlineData(LargeBatchMethod.CachedGradients)]
    public void Several_rows_an_item_several_captions_a_picture(LargeBatchMethod method)
    {
        const long count = 7, captions = 3;
        using var scope = NewDisposeScope();
        using var towers = new Towers(count, captions: captions);
        var (ids, captionIds) = (arange(count, dtype: ScalarType.Int64), arange(count * captions, dtype: ScalarType.Int64));
        var pairs = PairMap.FromLabels(ids, captionIds.div(tensor(captions), RoundingMode.floor).to(ScalarType.Int64));
        GammaContrastiveLoss Loss() => new(
            new PartitionTable(count, dtype: ScalarType.Float64), Temperature.Learned(0.3), ContrastMode.Symmetric,
            reverseEstimator: new PartitionTable(count * captions, dtype: ScalarType.Float64));

        using var plain = Loss();
        manual_seed(7);
        var (a, b) = towers.EncodeAll(2);
        var expected = plain.Evaluate(a, b, ids, pairs, captionIds);
        expected.Loss.backward();
        var gradients = Gradients(towers, plain);

        towers.ZeroGradients();
        using var loss = Loss();
        manual_seed(7);
        var result = new LargeBatchStep(2, towers.Modules).Backward(count, towers.Encode, loss, ids, pairs, captionIds, method: method);
        result.Loss.ShouldEqual(expected.Loss, Tolerance);
        ShouldBeSame(Gradients(towers, loss), gradients, "captions");
        Saved.Of(loss).Should().Equal(Saved.Of(plain));
    }

    [Theory]
    [InlineData("symmetric, learned temperature, in tiles")]
    [InlineData("gamma, symmetric table")]
    [InlineData("gamma, queue")]
    public void Several_steps_of_an_optimiser_end_at_the_same_parameters(string name)
    {
        const long count = 10, microBatch = 4;
        using var scope = NewDisposeScope();
        var expected = Train((_, towers, plain) => plain.Evaluate(towers.EncodeAll(microBatch)).Loss.backward());
        foreach (var method in StepCase.All[name](count).Methods)
        {
            var actual = Train((_, towers, plain) => new LargeBatchStep(microBatch, towers.Modules)
                .Backward(count, towers.Encode, plain.Loss, plain.Ids, method: method));
            ShouldBeSame(actual, expected, name, 1e-6);
        }

        Tensor[] Train(Action<int, Towers, StepCase> step)
        {
            using var towers = new Towers(count, batchNorm: true);
            var at = StepCase.All[name](count);
            using var optimizer = optim.SGD([.. towers.Parameters, .. at.Loss.parameters()], 0.05, momentum: 0.9);
            manual_seed(3);
            for (var i = 0; i < 6; i++)
            {
                optimizer.zero_grad();
                step(i, towers, at);
                optimizer.step();
            }
            return [.. towers.Parameters.Concat(at.Loss.parameters()).Select(parameter => parameter.detach().clone()),
                .. towers.Modules.SelectMany(module => module.buffers()).Select(buffer => buffer.clone())];
        }
    }

    [Theory]
    [InlineData(LargeBatchMethod.Accumulation)]
    [InlineData(LargeBatchMethod.CachedGradients)]
    public void Running_statistics_move_once(LargeBatchMethod method)
    {
        using var scope = NewDisposeScope();
        using var towers = new Towers(10, batchNorm: true);
        var start = Buffers();
        manual_seed(1);
        _ = towers.EncodeAll(4);
        var once = Buffers();
        Put(start);

        using var loss = new GammaContrastiveLoss(new BatchPartition());
        manual_seed(1);
        new LargeBatchStep(4, towers.Modules).Backward(10, towers.Encode, loss, method: method);
        foreach (var (buffer, expected) in Buffers().Zip(once)) buffer.IsSameAs(expected).Should().BeTrue();

        Put(start);
        new LargeBatchStep(4, []).Backward(10, towers.Encode, loss, method: method);
        Buffers().Last().item<long>().Should().Be(6, "nobody named the towers, so they count three micro-batches twice");

        Tensor[] Buffers() => [.. towers.Modules.SelectMany(module => module.buffers()).Select(buffer => buffer.clone())];
        void Put(Tensor[] values)
        {
            foreach (var (buffer, value) in towers.Modules.SelectMany(module => module.buffers()).Zip(values)) buffer.copy_(value);
        }
    }

    [Fact]
    public void An_encoder_that_depends_on_a_buffer_meets_the_same_buffer_again()
    {
        using var scope = NewDisposeScope();
        using var towers = new Towers(9);
        using var drift = new Drift();
        manual_seed(1);
        using var loss = new InfoNCELoss();
        loss.forward(cat([Encode(0, 4).Item1, Encode(4, 4).Item1, Encode(8, 1).Item1]), towers.Texts.narrow(1, 0, 4)).backward();
        var (expected, position) = (Gradients(towers, null), drift.Position);
        towers.ZeroGradients();
        drift.Reset();
        manual_seed(1);
        new LargeBatchStep(4, [towers.Left, drift]).Backward(9, Encode, loss);
        ShouldBeSame(Gradients(towers, null), expected, "the buffer changes at each micro-batch");
        drift.Position.Should().Be(position);

        (Tensor, Tensor) Encode(long first, long count)
            => (drift.forward(towers.Left.forward(towers.Images.narrow(0, first, count))), towers.Texts.narrow(0, first, count).narrow(1, 0, 4));
    }

    [Theory]
    [InlineData("gamma, symmetric table")]
    [InlineData("symmetric, learned temperature, in tiles")]
    public void A_frozen_tower_takes_nothing_and_a_temperature_alone_may_learn(string name)
    {
        const long count = 9;
        foreach (var method in StepCase.All[name](count).Methods)
        {
            foreach (var (left, right) in new[] { (true, false), (false, true), (false, false) })
            {
                using var scope = NewDisposeScope();
                using var towers = new Towers(count);
                foreach (var parameter in towers.Left.parameters()) parameter.requires_grad_(left);
                foreach (var parameter in towers.Right.parameters()) parameter.requires_grad_(right);
                var plain = StepCase.All[name](count);
                manual_seed(1);
                plain.Evaluate(towers.EncodeAll(4)).Loss.backward();
                var expected = Gradients(towers, plain.Loss);
                towers.ZeroGradients();
                var actual = StepCase.All[name](count);
                manual_seed(1);
                new LargeBatchStep(4, towers.Modules).Backward(count, towers.Encode, actual.Loss, actual.Ids, method: method);
                ShouldBeSame(Gradients(towers, actual.Loss), expected, $"{method}, {left}, {right}");
                expected.Count(gradient => gradient is not null).Should().Be(1 + (left ? 6 : 0) + (right ? 6 : 0));
            }
        }
    }

    [Fact]
    public void Candidates_alone_may_learn_at_a_fixed_temperature()
    {
        const long count = 9;
        foreach (var method in Enum.GetValues<LargeBatchMethod>())
        {
            using var scope = NewDisposeScope();
            using var towers = new Towers(count);
            foreach (var parameter in towers.Left.parameters()) parameter.requires_grad_(false);
            var (plain, actual) = (StepCase.All["gamma, table"](count), StepCase.All["gamma, table"](count));
            manual_seed(1);
            plain.Evaluate(towers.EncodeAll(4)).Loss.backward();
            var expected = Gradients(towers, null);
            towers.ZeroGradients();
            manual_seed(1);
            var step = new LargeBatchStep(4, towers.Modules);
            step.Backward(count, towers.Encode, actual.Loss, actual.Ids, method: method);
            ShouldBeSame(Gradients(towers, null), expected, $"{method}");
            expected.Count(gradient => gradient is not null).Should().Be(6, "of the right tower");
            step.MicroBatchSize.Should().Be(4);
        }
    }

    [Theory]
    [InlineData(9)]
    [InlineData(100)]
    public void A_batch_that_is_one_micro_batch_is_encoded_once(long microBatch)
    {
        using var scope = NewDisposeScope();
        using var towers = new Towers(9);
        foreach (var name in new[] { "InfoNCE", "gamma, symmetric table" })
        {
            towers.ZeroGradients();
            var plain = StepCase.All[name](9);
            manual_seed(1);
            var expected = plain.Evaluate(towers.Encode(0, 9));
            expected.Loss.backward();
            var gradients = Gradients(towers, plain.Loss);
            towers.ZeroGradients();
            var actual = StepCase.All[name](9);
            var calls = 0;
            manual_seed(1);
            var result = new LargeBatchStep(microBatch, towers.Modules).Backward(
                9, (first, count) =>
                {
                    calls++;
                    return towers.Encode(first, count);
                }, actual.Loss, actual.Ids);
            calls.Should().Be(1);
            result.Loss.IsSameAs(expected.Loss).Should().BeTrue();
            ShouldBeSame(Gradients(towers, actual.Loss), gradients, name);
        }
    }

    [Fact]
    public void Two_items_one_at_a_time_and_one_item_alone_follow_the_losses_rules()
    {
        using var scope = NewDisposeScope();
        using var towers = new Towers(2);
        using var skip = new GammaContrastiveLoss(new BatchPartition(), missingPairs: MissingPairs.Skip);
        foreach (var loss in new ContrastiveLoss[] { new InfoNCELoss(), new GammaContrastiveLoss(new BatchPartition()) })
        {
            new LargeBatchStep(1, towers.Modules).Backward(2, towers.Encode, loss).Loss.ShouldBeFinite();
            Refuses(() => new LargeBatchStep(1, towers.Modules).Backward(1, towers.Encode, loss), "anchor 0 has no negative");
        }
        new LargeBatchStep(1, towers.Modules).Backward(1, towers.Encode, skip).SkippedAnchors.Should().Be(1);
    }

    [Fact]
    public void In_evaluation_mode_estimators_stay_as_they_are()
    {
        using var scope = NewDisposeScope();
        using var towers = new Towers(9);
        var at = StepCase.All["gamma, symmetric table"](9);
        at.Loss.eval();
        var before = Saved.Of(at.Loss);
        new LargeBatchStep(4, towers.Modules).Backward(9, towers.Encode, at.Loss, at.Ids);
        Saved.Of(at.Loss).Should().Equal(before);
    }

    [Theory]
    [InlineData("InfoNCE in tiles")]
    [InlineData("gamma, symmetric table, in tiles")]
    [InlineData("gamma, queue")]
    public void No_tensor_is_left_behind(string name)
    {
        using var towers = new Towers(10, batchNorm: true);
        var at = StepCase.All[name](10);
        foreach (var method in at.Methods)
        {
            foreach (var microBatch in new[] { 3L, 10 })
            {
                var step = new LargeBatchStep(microBatch, towers.Modules);
                TensorCount.ShouldStay(() => step.Backward(10, towers.Encode, at.Loss, at.Ids, method: method).Dispose(), 5);
            }
        }
        at.Loss.Dispose();
    }

    internal static Tensor?[] Gradients(Towers towers, nn.Module? loss)
        => [.. towers.Parameters.Concat(loss?.parameters() ?? []).Select(parameter => parameter.grad?.detach().clone())];

    internal static void ShouldBeSame(Tensor?[] actual, Tensor?[] expected, string because, double tolerance = Tolerance)
    {
        actual.Should().HaveSameCount(expected);
        for (var i = 0; i < actual.Length; i++)
        {
            (actual[i] is null).Should().Be(expected[i] is null, because);
            // A learned temperature is float32, and its gradient adds up in that.
            if (actual[i] is { } value) value.ShouldEqual(expected[i]!, value.dtype == ScalarType.Float32 ? 1e-6 : tolerance, $"{because}, parameter {i}");
        }
    }

    /// <summary>Multiplies by a number that grows at each call.</summary>
    private sealed class Drift : nn.Module<Tensor, Tensor>
    {
        private readonly Tensor scale;

        public Drift()
            : base(nameof(Drift))
        {
            scale = ones(1, dtype: ScalarType.Float64).DetachFromDisposeScope();
            register_buffer(nameof(scale), scale);
        }

        public double Position => scale.item<double>();

        public void Reset() => scale.fill_(1);

        public override Tensor forward(Tensor input)
        {
            using var constant = no_grad();
            scale.add_(0.5);
            using var graph = enable_grad(input.requires_grad);
            return input * scale.clone() + scale.clone();
        }
    }
}
