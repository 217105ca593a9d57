using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>The public way to add up the decomposable loss in pieces of one's own.</summary>
public class GammaStepTests
{
    private const long Rows = 9;

    private static readonly Dictionary<string, Func<GammaContrastiveLoss>> Losses = new()
    {
        ["one direction"] = () => new(Table(), Temperature.Learned(0.4)),
        ["symmetric"] = () => new(Table(), Temperature.Learned(0.4), ContrastMode.Symmetric),
        ["symmetric, sum"] = () => new(Table(), Temperature.Learned(0.4), ContrastMode.Symmetric, reduction: nn.Reduction.Sum),
        ["symmetric, drawn, in tiles"] = () => new(
            Table(), Temperature.Learned(0.4), ContrastMode.Symmetric, eStep: EStep.Sampled, generator: new Generator(3))
        {
            Tiling = AnyTiling.Tiles(2, 3),
        },
        ["two views"] = () => new(
            new PartitionTable(40, population: 79, dtype: ScalarType.Float64), Temperature.Learned(0.4), ContrastMode.TwoViews),
    };

    public static TheoryData<string> Names => [.. Losses.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Blocks_that_have_each_pair_once_add_up_to_the_whole(string name)
    {
        using var scope = NewDisposeScope();
        using var whole = Losses[name]();
        using var loss = Losses[name]();
        var (a, b, ids) = (Draw.Leaf(1, Rows, 5), Draw.Leaf(2, Rows, 5), Ids());
        var expected = whole.Evaluate(a, b, ids);
        expected.Loss.backward();
        var (byA, byB) = (a.grad!.clone(), b.grad!.clone());

        a.grad = b.grad = null;
        using var step = loss.BeginStep(a, b, ids);
        step.Result.Loss.ShouldEqual(expected.Loss, 1e-12);
        step.Result.Objective.ShouldEqual(expected.Objective, 1e-12);
        step.Result.Loss.requires_grad.Should().BeFalse();
        Saved.Of(loss).Should().Equal(Saved.Of(whole), "the estimators move on once");
        (step.ReverseWeights is not null).Should().Be(loss.Mode == ContrastMode.Symmetric);

        var (anchors, candidates) = loss.Mode == ContrastMode.TwoViews ? (cat([a, b]), cat([a, b])) : (a, b);
        (step.Anchors.IsSameAs(anchors), step.Candidates.IsSameAs(candidates), step.Anchors.requires_grad).Should().Be((true, true, false));
        var total = zeros(1, dtype: ScalarType.Float64).squeeze();
        foreach (var (first, count) in Parts(anchors.shape[0], 4))
        {
            foreach (var (before, columns) in Parts(candidates.shape[0], 5))
                total += step.Block(anchors.narrow(0, first, count), first, candidates.narrow(0, before, columns), before);
        }
        total.ShouldEqual(expected.Loss, 1e-12);
        total.backward();
        a.grad!.ShouldEqual(byA, 1e-10);
        b.grad!.ShouldEqual(byB, 1e-10);
        ByTemperature(loss).ShouldEqual(ByTemperature(whole), 1e-6);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_row_and_the_column_of_some_rows_give_their_gradients_and_the_temperatures_once(string name)
    {
        using var scope = NewDisposeScope();
        using var whole = Losses[name]();
        using var loss = Losses[name]();
        var (a, b, ids) = (Draw.Leaf(1, Rows, 5), Draw.Leaf(2, Rows, 5), Ids());
        whole.Evaluate(a, b, ids).Loss.backward();
        var twoViews = loss.Mode == ContrastMode.TwoViews;
        var (byAnchors, byCandidates) = twoViews ? (cat([a.grad!, b.grad!]), cat([a.grad!, b.grad!])) : (a.grad!, b.grad!);

        using var step = loss.BeginStep(a.detach(), b.detach(), ids);
        foreach (var (first, count) in Parts(step.Anchors.shape[0], 4))
        {
            var rows = step.Anchors.narrow(0, first, count).clone().requires_grad_();
            step.Block(rows, first, step.Candidates, 0).backward();
            if (twoViews) step.Block(step.Anchors, 0, rows, first, constantTemperature: true).backward();
            rows.grad!.ShouldEqual(byAnchors.narrow(0, first, count), 1e-10, name);
            if (twoViews) continue;
            var columns = step.Candidates.narrow(0, first, count).clone().requires_grad_();
            step.Block(step.Anchors, 0, columns, first, constantTemperature: true).backward();
            columns.grad!.ShouldEqual(byCandidates.narrow(0, first, count), 1e-10, name);
        }
        ByTemperature(loss).ShouldEqual(ByTemperature(whole), 1e-6);
    }

    [Fact]
    public void Anchors_that_are_skipped_have_no_share_in_the_mean()
    {
        using var scope = NewDisposeScope();
        var positives = eye(4, dtype: ScalarType.Bool);
        positives[1, 1] = tensor(false);
        GammaContrastiveLoss Loss() => new(
            new BatchPartition(40), Temperature.Fixed(0.5), ContrastMode.Symmetric, missingPairs: MissingPairs.Skip);
        using var whole = Loss();
        using var loss = Loss();
        var (a, b) = (Draw.Normal(1, 4, 3), Draw.Normal(2, 4, 3));
        var expected = whole.Evaluate(a, b, pairs: PairMap.FromMask(positives));
        using var step = loss.BeginStep(a, b, pairs: PairMap.FromMask(positives));
        step.Result.SkippedAnchors.Should().Be(2).And.Be(expected.SkippedAnchors);
        (step.Block(a.narrow(0, 0, 2), 0, b, 0) + step.Block(a.narrow(0, 2, 2), 2, b, 0)).ShouldEqual(expected.Loss, 1e-12);
    }

    [Fact]
    public void In_evaluation_nothing_moves()
    {
        using var scope = NewDisposeScope();
        using var loss = Losses["symmetric"]();
        loss.eval();
        var before = Saved.Of(loss);
        using var step = loss.BeginStep(Draw.Normal(1, Rows, 5), Draw.Normal(2, Rows, 5), Ids());
        Saved.Of(loss).Should().Equal(before);
    }

    [Fact]
    public void What_does_not_fit_is_refused_before_anything_moves()
    {
        using var scope = NewDisposeScope();
        using var loss = Losses["symmetric"]();
        var (a, b, ids) = (Draw.Normal(1, Rows, 5), Draw.Normal(2, Rows, 5), Ids());
        var before = Saved.Of(loss);
        Refuses(() => loss.BeginStep(a, Draw.Normal(2, Rows, 4), ids), "anchors have 5 features but candidates have 4");
        Refuses(() => loss.BeginStep(a * double.NaN, b, ids), "anchors are not finite in row 0");
        Refuses(() => loss.BeginStep(a, b, ids.narrow(0, 0, 3)), "sampleIds");
        using var none = new GammaContrastiveLoss(Table(), reduction: nn.Reduction.None);
        FluentActions.Invoking(() => none.BeginStep(a, b, ids)).Should().Throw<InvalidOperationException>().WithMessage("the loss has no reduction*");
        (Saved.Of(loss).SequenceEqual(before), Saved.Of(none).Length > 0).Should().Be((true, true));

        using var step = loss.BeginStep(a, b, ids);
        Refuses(() => step.Block(a.narrow(0, 0, 4), 6, b, 0), "anchors must lie in [1, 3] but is 4");
        Refuses(() => step.Block(a, 0, b.narrow(0, 0, 4), -1), "firstCandidate must lie in [0, 8] but is -1");
        Refuses(() => step.Block(a.narrow(1, 0, 4), 0, b, 0), "anchors have 4 features but candidates have 5");
        Refuses(() => step.Block(a[0], 0, b, 0), "anchors must");
        Refuses(() => step.Block(a, 0, null!, 0), "candidates");
    }

    [Fact]
    public void Disposed_of_it_leaves_nothing_behind()
    {
        using var loss = Losses["symmetric"]();
        using var views = Losses["two views"]();
        using var a = Draw.Leaf(1, Rows, 5);
        using var b = Draw.Leaf(2, Rows, 5);
        using var ids = arange(Rows, dtype: ScalarType.Int64);
        TensorCount.ShouldStay(
            () =>
            {
                foreach (var each in new[] { loss, views })
                {
                    using var step = each.BeginStep(a, b, ids);
                    using var block = step.Block(step.Anchors, 0, step.Candidates, 0);
                }
            }, 5);
    }

    [Fact]
    public void Refused_it_leaves_nothing_behind()
    {
        using var loss = Losses["symmetric"]();
        using var views = Losses["two views"]();
        using var a = Draw.Leaf(1, Rows, 5);
        using var b = full([Rows, 5], double.NaN, dtype: ScalarType.Float64);
        using var ids = arange(Rows, dtype: ScalarType.Int64);
        TensorCount.ShouldStay(
            () =>
            {
                foreach (var each in new[] { loss, views }) Refuses(() => each.BeginStep(a, b, ids), "candidates are not finite in row 0");
            }, 5);
    }

    [Fact]
    public void Its_rows_and_pairs_live_as_long_as_the_scope_around_it()
    {
        using var scope = NewDisposeScope();
        using var views = Losses["two views"]();
        var (a, b, ids) = (Draw.Leaf(1, Rows, 5), Draw.Leaf(2, Rows, 5), tensor(new long[] { 1, 2, 1, 4, 5, 6, 7, 8, 9 }));
        GammaStep step;
        Tensor expected;
        using (var inner = NewDisposeScope())
        {
            step = views.BeginStep(a, b, ids);
            expected = step.Block(step.Anchors, 0, step.Candidates, 0).MoveToOuterDisposeScope();
            step.Block(step.Anchors, 0, step.Candidates, 0).ShouldEqual(expected, 0, "ids that repeat are in the map");
            step.Anchors.ShouldEqual(cat([a, b]), 0);
        }
        step.Anchors.IsInvalid.Should().BeTrue();
        TensorCount.Left(() =>
        {
            using var again = NewDisposeScope();
            views.BeginStep(a, b, ids);
        }).Should().Be(0, "nothing gets out of the caller's scope");
    }

    private static PartitionTable Table() => new(40, dtype: ScalarType.Float64);

    private static Tensor Ids() => arange(Rows, dtype: ScalarType.Int64) * 2 + 1;

    private static Tensor ByTemperature(GammaContrastiveLoss loss) => loss.Temperature.parameters().Single().grad!;

    private static IEnumerable<(long First, long Count)> Parts(long count, long size)
    {
        for (var first = 0L; first < count; first += size) yield return (first, Math.Min(size, count - first));
    }
}
