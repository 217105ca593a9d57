using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

public class MomentumContrastTests
{
    [Fact]
    public void Targets_are_the_formulas_over_combinations_of_settings()
        => (from seed in Gen.Int[0, 1_000_000]
            from n in Gen.Int[1, 5]
            from more in Gen.Int[0, 4]
            from alpha in Gen.OneOf(Gen.Const(0.0), Gen.Const(1.0), Gen.Double[0.1, 0.9])
            from withIds in Gen.Bool
            select (seed, n, more, alpha, withIds)).Check(x =>
        {
            var s = Draw.Normal(x.seed, x.n, x.n + x.more);
            var ids = Draw.Integers(x.seed, 3, x.n);
            var candidateIds = cat([ids, Draw.Integers(x.seed + 1, 3, x.more)]);
            var actual = x.withIds ? MomentumDistillation.Targets(s, x.alpha, ids, candidateIds) : MomentumDistillation.Targets(s, x.alpha);
            actual.ShouldEqual(Targets(s, x.alpha, x.withIds ? ids : null, candidateIds), 1e-12);
            actual.requires_grad.Should().BeFalse();
            if (x.alpha < 1 || x.n + x.more > 1) PairMap.FromTargets(actual).CandidateCount.Should().Be(x.n + x.more);
        });

    /// <summary>loss_ita of ALBEF's own forward (models/model_pretrain.py, salesforce/ALBEF b9727e4) at temp 0.2 and alpha 0.4 with a queue of 4.</summary>
    [Fact]
    public void ALBEFs_own_code_gives_the_same_figures()
    {
        using var scope = NewDisposeScope();
        var (images, texts) = (PeerFigures.Rows(5, 1), PeerFigures.Rows(5, 2));
        using var queue = new CrossBatchMemory(4, 3, dtype: ScalarType.Float64);
        queue.Enqueue(Case.Unit(PeerFigures.Rows(4, 5).detach()), Case.Unit(PeerFigures.Rows(4, 6).detach()));
        using var loss = new MomentumContrastLoss(queue, Temperature.Fixed(0.2), alpha: 0.4);
        var value = loss.forward(new(images, PeerFigures.Rows(5, 3).detach()), new(texts, PeerFigures.Rows(5, 4).detach()));
        PeerFigures.Check(
            value, [images, texts],
            5.373277378517,
            [-0.011242691021, 0.032701269448, -0.009169296677, 0.037756128317, -0.041116896148, 0.020185206625, 1.200097274653],
            [0.076842988967, 0.103137348661, -0.174773184971, 0.019161492379, -0.007252888512, -0.012895096928, 0.277082631052]);
    }

    [Fact]
    public void The_loss_is_the_formulas_with_a_queue_and_shared_ids_over_combinations_of_settings()
        => (from seed in Gen.Int[0, 1_000_000]
            from n in Gen.Int[2, 5]
            from queued in Gen.Int[0, 4]
            from alpha in Gen.OneOf(Gen.Const(0.0), Gen.Const(1.0), Gen.Double[0.1, 0.9])
            from tau in Gen.Double[0.2, 2]
            from withIds in Gen.Bool
            select (seed, n, queued, alpha, tau, withIds)).Check(x =>
        {
            var c = new Case(x.seed, x.n, 3);
            var ids = Draw.Integers(x.seed, 3, x.n);
            using var queue = new CrossBatchMemory(4, 3, dtype: ScalarType.Float64);
            var (qv, qt) = (Case.Unit(Draw.Normal(x.seed + 20, x.queued, 3)), Case.Unit(Draw.Normal(x.seed + 21, x.queued, 3)));
            var queuedIds = Draw.Integers(x.seed + 22, 4, x.queued);
            if (x.queued > 0) queue.Enqueue(qv, qt, queuedIds);
            using var loss = new MomentumContrastLoss(queue, Temperature.Fixed(x.tau), x.alpha);
            loss.eval();
            Gradients.ShouldAgree(
                () => loss.forward(new(c.V, c.Va), new(c.T, c.Ta), x.withIds ? ids : null),
                () =>
                {
                    var (v, t) = (Case.Unit(c.Va).detach(), Case.Unit(c.Ta).detach());
                    return (Direction(c.V, v, cat([t, qt])) + Direction(c.T, t, cat([v, qv]))) / 2;
                },
                1e-9, c.V, c.T);

            Tensor Direction(Tensor anchors, Tensor momentum, Tensor candidates)
            {
                var y = Targets(momentum.matmul(candidates.t()) / x.tau, x.alpha, x.withIds ? ids : null, cat([ids, queuedIds]));
                return -(y * (Case.Unit(anchors).matmul(candidates.t()) / x.tau).log_softmax(1)).sum(dim: 1).mean();
            }
        });

    [Fact]
    public void Gradients_match_finite_differences_and_none_reach_the_momentum_features()
    {
        using var scope = NewDisposeScope();
        var c = new Case(3, 4, 3);
        using var loss = new MomentumContrastLoss(temperature: Temperature.Fixed(0.5));
        Gradients.ShouldMatchFiniteDifferences(() => loss.forward(new(c.V, c.Va), new(c.T, c.Ta)), c.V, c.T);
        loss.forward(new(c.V, c.Va), new(c.T, c.Ta)).backward();
        (c.Va.grad is null && c.Ta.grad is null).Should().BeTrue();
    }

    [Fact]
    public void A_learned_temperature_learns_from_the_contrast_and_not_from_the_targets()
    {
        using var scope = NewDisposeScope();
        var c = new Case(5, 4, 3);
        using var tau = Temperature.Learned(0.5);
        using var loss = new MomentumContrastLoss(temperature: tau, alpha: 0.6);
        var parameter = loss.parameters().Single();
        loss.forward(new(c.V, c.Va), new(c.T, c.Ta)).backward();
        double At(double value)
        {
            var (v, t) = (Case.Unit(c.Va).detach(), Case.Unit(c.Ta).detach());
            double Direction(Tensor anchors, Tensor momentum, Tensor candidates)
                => -(Targets(momentum.matmul(candidates.t()) / 0.5, 0.6, null, arange(4))
                    * (Case.Unit(anchors).matmul(candidates.t()) / value).log_softmax(1)).sum(dim: 1).mean().item<double>();
            return (Direction(c.V, v, t) + Direction(c.T, t, v)) / 2;
        }

        // Of log(1/τ): dL/dlog(1/τ) = -τ dL/dτ.
        var slope = -0.5 * (At(0.5 + 1e-5) - At(0.5 - 1e-5)) / 2e-5;
        parameter.grad!.to(ScalarType.Float64).item<double>().Should().BeApproximately(slope, 1e-5);
    }

    [Fact]
    public void A_queue_that_does_not_fit_is_refused_by_name_and_one_of_the_callers_is_left_alone()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 3, 4);
        var (first, second) = (new ModalityFeatures(c.V, c.Va), new ModalityFeatures(c.T, c.Ta));
        using var narrow = new CrossBatchMemory(4, 2, dtype: ScalarType.Float64);
        using var loss = new MomentumContrastLoss(narrow);
        Refuses(() => loss.forward(first, second), "first.Augmented have 4 features but the queue's have 2");
        narrow.Enqueue(Draw.Normal(1, 2, 2), Draw.Normal(2, 2, 2));
        Refuses(() => loss.forward(first, second), "first.Augmented have 4 features but the queue's have 2");
        narrow.Count.Should().Be(2);
        using var own = new CrossBatchMemory(4, 4, remembersBatches: false, dtype: ScalarType.Float64);
        using var filled = new MomentumContrastLoss(own);
        filled.forward(first, second).ShouldBeFinite();
        own.Count.Should().Be(0);
    }

    [Fact]
    public void In_training_a_batch_enters_the_queue_after_its_step_and_not_in_evaluation()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 2, 3);
        using var queue = new CrossBatchMemory(8, 3, dtype: ScalarType.Float64);
        using var loss = new MomentumContrastLoss(queue, Temperature.Learned(0.5), alpha: 0);
        var (first, second, ids) = (new ModalityFeatures(c.V, c.Va), new ModalityFeatures(c.T, c.Ta), tensor(new long[] { 4, 5 }));
        loss.eval();
        var before = loss.forward(first, second, ids);
        queue.Count.Should().Be(0);
        loss.train();
        loss.forward(first, second, ids).ShouldEqual(before, 0);
        queue.Count.Should().Be(2);
        var kept = queue.Newest()!;
        kept.Anchors.ShouldEqual(Case.Unit(c.Va));
        kept.CandidateIds.data<long>().Should().Equal(4, 5);
        var after = loss.forward(first, second, ids);
        after.backward();
        after.ShouldEqual(before + Math.Log(2), 1e-9, "each candidate is there twice, and the copies share the one-hot");

        // Between: what is refused leaves the queue as it was.
        var broken = c.Va.detach().clone();
        broken[1, 1] = double.NaN;
        Refuses(() => loss.forward(new(c.V, broken), second, ids), "first.Augmented are not finite in row 1");
        queue.Count.Should().Be(4);
        loss.state_dict().Keys.Should().Contain(["queue.anchors", "contrast.temperature.log_scale"]);
    }

    [Fact]
    public void A_pair_alone_is_refused_or_skipped_and_with_a_queue_remembered()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 1, 3);
        var (first, second) = (new ModalityFeatures(c.V, c.Va), new ModalityFeatures(c.T, c.Ta));
        using var alone = new MomentumContrastLoss();
        Refuses(() => alone.forward(first, second), "no negative");
        using var skipping = new MomentumContrastLoss(missingPairs: MissingPairs.Skip);
        skipping.Evaluate(first, second).SkippedAnchors.Should().Be(2);
        using var queue = new CrossBatchMemory(8, 3, dtype: ScalarType.Float64);
        using var loss = new MomentumContrastLoss(queue);
        var result = loss.Evaluate(first, second);
        (result.SkippedAnchors, result.Loss.item<double>(), queue.Count).Should().Be((2, 0, 1));
        result.Loss.backward();
        c.V.grad!.abs().sum().item<double>().Should().Be(0);
        var next = loss.Evaluate(first, second, tensor(new long[] { 7 }));
        next.SkippedAnchors.Should().Be(0);
        next.Loss.item<double>().Should().BeGreaterThan(0, "an entry without an id is another sample");
    }

    [Fact]
    public void NaN_shows_and_what_does_not_fit_is_refused()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 3, 4);
        using var loss = new MomentumContrastLoss();
        var broken = c.V.detach().clone();
        broken[1, 1] = double.NaN;
        loss.forward(new(broken, c.Va), new(c.T, c.Ta)).isnan().item<bool>().Should().BeTrue();
        Refuses(() => loss.forward(new(c.V, c.Va), new(c.T, broken)), "second.Augmented are not finite in row 1");
        Refuses(() => MomentumDistillation.Targets(broken.matmul(c.T.t()), 0.4), "similarities are not finite in row 1");
        Refuses(() => loss.forward(new(c.V), new(c.T, c.Ta)), "first.Augmented is null");
        Refuses(() => loss.Alpha = 1.5, "must lie in [0, 1] but is 1.5");
        Refuses(() => new MomentumContrastLoss(alpha: double.NaN), "must lie in [0, 1]");
        var s = rand(3, 3);
        Refuses(() => MomentumDistillation.Targets(s, -0.1), "alpha must lie in [0, 1] but is -0.1");
        Refuses(() => MomentumDistillation.Targets(rand(3), 0.5), "similarities must have the shape (N, M) but have (3)");
        Refuses(() => MomentumDistillation.Targets(rand(3, 2), 0.5), "3 rows but 2 candidates");
        Refuses(() => MomentumDistillation.Targets(s.to(ScalarType.Int64), 0.5), "similarities must be float16");
        Refuses(() => MomentumDistillation.Targets(s, 0.5, arange(2)), "ids must have the shape (3)");
        Refuses(() => MomentumDistillation.Targets(rand(3, 4), 0.5, arange(3)), "whose candidateIds are not given");
        Refuses(() => MomentumDistillation.Targets(s, 0.5, null, arange(3)), "candidateIds are given but ids");
        Refuses(() => MomentumDistillation.Targets(s, 0.5, arange(3), tensor(new long[] { 0, 5, 2 })), "row 1 has no candidate of its id");
        Refuses(() => MomentumDistillation.Ramp(-1, 10), "step must be at least 0 but is -1");
        new[] { 0L, 5, 10, 20 }.Select(step => MomentumDistillation.Ramp(step, 10)).Should().Equal(0, 0.2, 0.4, 0.4);
        MomentumDistillation.Ramp(0, 0).Should().Be(0.4);
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    public void Lower_precision_is_close_and_leaves_no_tensor(ScalarType dtype)
    {
        using var outer = NewDisposeScope();
        var c = new Case(1, 4, 8);
        Tensor To(Tensor x) => x.detach().to(dtype);
        ModalityFeatures first = new(To(c.V), To(c.Va)), second = new(To(c.T), To(c.Ta));
        using var loss = new MomentumContrastLoss(new CrossBatchMemory(4, 8), Temperature.Learned(0.5));
        loss.eval();
        loss.forward(first, second).item<float>().Should().BeApproximately(loss.forward(new(c.V, c.Va), new(c.T, c.Ta)).to(ScalarType.Float32).item<float>(), 0.05f);
        loss.train();
        TensorCount.ShouldStay(() => loss.forward(first, second).Dispose());
        var (ids, candidateIds) = (arange(4), arange(8));
        TensorCount.ShouldStay(() => MomentumDistillation.Targets(c.V, 0.4, ids, candidateIds).Dispose());
    }

    private static Tensor Targets(Tensor s, double alpha, Tensor? ids, Tensor candidateIds)
    {
        var soft = s.softmax(1);
        var result = zeros_like(s);
        for (var i = 0; i < s.shape[0]; i++)
        {
            bool[] own = [.. Enumerable.Range(0, (int)s.shape[1]).Select(j => ids is null ? i == j : ids[i].item<long>() == candidateIds[j].item<long>())];
            for (var j = 0; j < own.Length; j++)
                result[i, j] = alpha * soft[i, j].item<double>() + (own[j] ? (1 - alpha) / own.Count(x => x) : 0);
        }
        return result;
    }
}
