using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

public class LargeBatchFailureTests
{
    private const long Count = 10;

    private const long MicroBatch = 4;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void An_encoder_that_fails_the_first_time_leaves_everything_as_it_was(int failing)
        => NothingHappens((towers, first, count) =>
            first / MicroBatch == failing ? throw new NotSupportedException("the disk is full") : towers.Encode(first, count), "the disk is full");

    [Fact]
    public void So_does_one_that_fails_where_the_batch_is_one_micro_batch()
        => NothingHappens((towers, first, count) =>
        {
            towers.Encode(first, count);
            throw new NotSupportedException("the disk is full");
        }, "the disk is full", Count);

    [Fact]
    public void Features_that_the_loss_refuses_leave_everything_as_it_was()
        => NothingHappens((towers, first, count) =>
        {
            var (a, b) = towers.Encode(first, count);
            return (first == MicroBatch ? a * double.NaN : a, b);
        }, "anchors are not finite in row 4");

    [Fact]
    public void Features_that_do_not_fit_together_are_refused_with_the_micro_batch_that_brought_them()
    {
        NothingHappens((towers, first, count) => (towers.Encode(first, count).Anchors, towers.Encode(0, count + 1).Candidates),
            "the features of tower 1 for micro-batch 0 (items 0 to 3) must have 4 rows, or as many times a whole number, but are of the shape (5, 4)");
        NothingHappens((towers, first, count) => (towers.Encode(first, count).Anchors, towers.Encode(0, 4).Candidates),
            "the features of tower 1 for micro-batch 2 (items 8 to 9) must have the shape (2, 4) to go with the first micro-batch's but have (4, 4)");
        NothingHappens((towers, first, count) =>
        {
            var (a, b) = towers.Encode(first, count);
            return (first == MicroBatch ? a.narrow(1, 0, 3) : a, b);
        }, "the features of tower 0 for micro-batch 1 (items 4 to 7) must have the shape (4, 4) to go with the first micro-batch's but have (4, 3)");
        NothingHappens((towers, first, count) =>
        {
            var (a, b) = towers.Encode(first, count);
            return (a, first == MicroBatch ? b.to(ScalarType.Float32) : b);
        }, "the features of tower 1 for micro-batch 1 (items 4 to 7) are Float32 but those of the first micro-batch are Float64");
        NothingHappens((towers, first, count) => (towers.Encode(first, count).Anchors.to(ScalarType.Int64), towers.Encode(first, count).Candidates),
            "the features of tower 0 for micro-batch 0 (items 0 to 3) must be float16, bfloat16, float32 or float64 but is Int64");
        NothingHappens((towers, first, count) => (towers.Encode(first, count).Anchors, null!),
            "encode gave null as the features of tower 1 for micro-batch 0 (items 0 to 3)");
        NothingHappens((towers, first, count) => (towers.Encode(first, count).Anchors.sum(), towers.Encode(first, count).Candidates),
            "the features of tower 0 for micro-batch 0 (items 0 to 3) must have 4 rows, or as many times a whole number, but are of the shape ()");
        NothingHappens((towers, first, count) => (towers.Encode(first, count).Anchors, towers.Encode(first, count).Candidates.narrow(0, 0, 0)),
            "the features of tower 1 for micro-batch 0 (items 0 to 3) must have 4 rows, or as many times a whole number, but are of the shape (0, 4)");
        NothingHappens((towers, first, count) => (towers.Encode(first, count).Anchors.narrow(1, 0, 3), towers.Encode(first, count).Candidates),
            "anchors have 3 features but candidates have 4");
    }

    [Fact]
    public void An_encoder_that_gives_something_else_the_second_time_is_found_out()
    {
        using var scope = NewDisposeScope();
        using var towers = new Towers(Count);
        using var own = new Generator(5);
        using var loss = new InfoNCELoss();
        (Tensor, Tensor) Noisy(long first, long count)
        {
            var (a, b) = towers.Encode(first, count);
            return (a + (randn(a.shape, dtype: ScalarType.Float64, generator: own) * 1e-3), b);
        }
        FluentActions.Invoking(() => new LargeBatchStep(MicroBatch, towers.Modules).Backward(Count, Noisy, loss))
            .Should().Throw<InvalidOperationException>().WithMessage("encode gave other features for micro-batch 0 (items 0 to 3) than the first time (tower 0*");
        LargeBatchStepTests.Gradients(towers, null).All(gradient => gradient is null).Should().BeTrue();

        own.manual_seed(5);
        manual_seed(1);
        var (anchors, candidates) = (new List<Tensor>(), new List<Tensor>());
        for (long first = 0; first < Count; first += MicroBatch)
        {
            var (a, b) = Noisy(first, Math.Min(MicroBatch, Count - first));
            anchors.Add(a);
            candidates.Add(b);
        }
        loss.forward(cat(anchors), cat(candidates)).backward();
        var (expected, next) = (LargeBatchStepTests.Gradients(towers, null), randn(2, generator: own));
        towers.ZeroGradients();
        own.manual_seed(5);
        manual_seed(1);
        new LargeBatchStep(MicroBatch, towers.Modules, [own]).Backward(Count, Noisy, loss);
        LargeBatchStepTests.ShouldBeSame(LargeBatchStepTests.Gradients(towers, null), expected, "the generator is replayed");
        randn(2, generator: own).IsSameAs(next).Should().BeTrue("it goes on as after encoding once");
    }

    [Theory]
    [InlineData(LargeBatchMethod.Accumulation)]
    [InlineData(LargeBatchMethod.CachedGradients)]
    public void A_tower_that_learns_in_one_pass_and_not_in_the_other_is_found_out(LargeBatchMethod method)
    {
        foreach (var learnsFirst in new[] { true, false })
        {
            using var scope = NewDisposeScope();
            using var towers = new Towers(Count);
            var (at, calls) = (StepCase.All["gamma, table"](Count), 0);
            FluentActions.Invoking(() => new LargeBatchStep(MicroBatch, towers.Modules).Backward(Count, (first, count) =>
                {
                    var (a, b) = towers.Encode(first, count);
                    return (++calls <= 3 == learnsFirst ? a : a.detach(), b);
                }, at.Loss, at.Ids, method: method))
                .Should().Throw<InvalidOperationException>().WithMessage(learnsFirst
                    ? "encode gave features without a graph for micro-batch 0 (items 0 to 3) but with one for the first micro-batch"
                    : "encode gave features with a graph for micro-batch 0 (items 0 to 3) but without one for the first micro-batch");
        }
    }

    [Theory]
    [InlineData(LargeBatchMethod.Accumulation)]
    [InlineData(LargeBatchMethod.CachedGradients)]
    public void An_encoder_that_fails_the_second_time_leaves_state_as_after_one_step(LargeBatchMethod method)
    {
        using var scope = NewDisposeScope();
        using var towers = new Towers(Count, batchNorm: true);
        var (plain, actual) = (StepCase.All["gamma, symmetric table"](Count), StepCase.All["gamma, symmetric table"](Count));
        var start = Buffers(towers);
        manual_seed(1);
        plain.Evaluate(towers.EncodeAll(MicroBatch));
        var (random, buffers) = (rand(3), Buffers(towers));
        foreach (var (buffer, value) in towers.Modules.SelectMany(module => module.buffers()).Zip(start)) buffer.copy_(value);

        var calls = 0;
        manual_seed(1);
        FluentActions.Invoking(() => new LargeBatchStep(MicroBatch, towers.Modules).Backward(
                Count, (first, count) => ++calls == 5 ? throw new NotSupportedException() : towers.Encode(first, count), actual.Loss, actual.Ids, method: method))
            .Should().Throw<NotSupportedException>();
        rand(3).IsSameAs(random).Should().BeTrue();
        Saved.Of(actual.Loss).Should().Equal(Saved.Of(plain.Loss));
        foreach (var (now, then) in Buffers(towers).Zip(buffers)) now.IsSameAs(then).Should().BeTrue();
    }

    [Fact]
    public void What_no_step_can_be_made_of_is_refused_at_once()
    {
        using var scope = NewDisposeScope();
        using var towers = new Towers(Count);
        using var loss = new InfoNCELoss();
        using var none = new GammaContrastiveLoss(new BatchPartition(), reduction: nn.Reduction.None);
        Refuses(() => new LargeBatchStep(4, towers.Modules).Backward(Count, towers.Encode, none), "the loss has no reduction");
        Refuses(() => new LargeBatchStep(0, towers.Modules), "microBatchSize must be at least 1 but is 0");
        Refuses(() => new LargeBatchStep(4, towers.Modules).Backward(Count, towers.Encode, null!), "loss");
        Refuses(() => new LargeBatchStep(4, null!), "encoders");
        Refuses(() => new LargeBatchStep(4, [towers.Left, null!]), "one of the encoders is null");
        Refuses(() => new LargeBatchStep(4, towers.Modules, [null!]), "one of the generators is null");
        Refuses(
            () => new LargeBatchStep(4, towers.Modules).Backward(Count, towers.Encode, loss, method: LargeBatchMethod.Accumulation), "InfoNCELoss is not a sum over pairs");
        Refuses(
            () => new LargeBatchStep(4, towers.Modules).Backward(Count, towers.Encode, loss, method: (LargeBatchMethod)7), "method must be one of CachedGradients, Accumulation but is 7");
        Refuses(() => new LargeBatchStep(4, towers.Modules).Backward(0, towers.Encode, loss), "count must be at least 1 but is 0");
        Refuses(() => new LargeBatchStep(4, towers.Modules).Backward(Count, null!, loss), "encode");

        using (no_grad())
        {
            FluentActions.Invoking(() => new LargeBatchStep(4, towers.Modules).Backward(Count, towers.Encode, loss))
                .Should().Throw<InvalidOperationException>().WithMessage("*gradients*switched off here (no_grad)");
        }
        foreach (var microBatch in new[] { 4L, 20 })
        {
            FluentActions.Invoking(() => new LargeBatchStep(microBatch, towers.Modules).Backward(Count, (first, count) =>
                {
                    using var constant = no_grad();
                    return towers.Encode(first, count);
                }, loss)).Should().Throw<InvalidOperationException>().WithMessage("there is nothing to train*");
        }
    }

    /// <summary>A step fails with a message; gradients, random numbers, buffers and estimators are as before, and no tensor is left.</summary>
    private static void NothingHappens(
        Func<Towers, long, long, (Tensor, Tensor)> encode, string message, long microBatch = MicroBatch)
    {
        foreach (var method in Enum.GetValues<LargeBatchMethod>())
        {
            using var scope = NewDisposeScope();
            using var towers = new Towers(Count, batchNorm: true);
            var at = StepCase.All["gamma, symmetric table"](Count);
            var (state, buffers) = (Saved.Of(at.Loss), Buffers(towers));
            manual_seed(3);
            var next = rand(4);
            var step = new LargeBatchStep(microBatch, towers.Modules);

            // The second time nothing is made for the first time.
            foreach (var again in new[] { false, true })
            {
                var calls = 0;
                var left = TensorCount.Left(() =>
                {
                    manual_seed(3);
                    calls = 0;
                    FluentActions.Invoking(() =>
                    {
                        using var ofEncode = NewDisposeScope();
                        return step.Backward(Count, (first, count) =>
                        {
                            calls++;
                            return encode(towers, first, count);
                        }, at.Loss, at.Ids, method: method);
                    }).Should().Throw<Exception>().WithMessage($"*{message}*");
                });
                if (again) left.Should().Be(0, "no tensor is left behind");
                rand(4).IsSameAs(next).Should().BeTrue("random numbers");
                Saved.Of(at.Loss).Should().Equal(state, "estimators");
                foreach (var (now, then) in Buffers(towers).Zip(buffers)) now.IsSameAs(then).Should().BeTrue("buffers");
                LargeBatchStepTests.Gradients(towers, at.Loss).All(gradient => gradient is null).Should().BeTrue();
                calls.Should().BeLessThanOrEqualTo(3, "nothing is encoded again");
            }
        }
    }

    private static Tensor[] Buffers(Towers towers) => [.. towers.Modules.SelectMany(module => module.buffers()).Select(buffer => buffer.clone())];
}
