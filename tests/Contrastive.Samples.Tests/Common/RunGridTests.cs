using Contrastive.Samples.AlignFeatures;

namespace Contrastive.Samples.Tests.Common;

public sealed class RunGridTests
{
    private sealed record Run(RunKey Key, RunCurves Curves) : IFinishedRun
    {
        public double Figure => Curves.RecallAt1[^1];
    }

    private static readonly IReadOnlyList<RunKey> Grid = RunKey.Grid(["none", "bridge"], ["gamma"], [8, 32], [0, 7]);

    [Fact]
    public void The_runs_of_a_seed_come_together_and_are_named_apart()
    {
        Grid.Select(key => key.ToString()).Should().Equal(
            "gamma B=8 seed 0", "gamma + bridge B=8 seed 0", "gamma B=32 seed 0", "gamma + bridge B=32 seed 0",
            "gamma B=8 seed 7", "gamma + bridge B=8 seed 7", "gamma B=32 seed 7", "gamma + bridge B=32 seed 7");
        Grid.Select(key => key.FileName).Should().OnlyHaveUniqueItems().And.Contain("bridge-gamma-b32-s7").And.Contain("gamma-b8-s0");
        Grid[^1].Steps(items: 100, epochs: 5).Should().Be(15, "a batch that is not full is skipped");
    }

    [Fact]
    public void A_group_has_the_runs_of_all_seeds_with_mean_and_spread_by_epoch()
    {
        var curves = RunCurves.Empty
            .WithStep([new LossTerm(LossTerm.Objective, 4), new LossTerm("bridge", 1)], 0.5)
            .WithStep([new LossTerm(LossTerm.Objective, 2), new LossTerm("bridge", 3)], 0.25)
            .WithEpoch(2, new Glance(0.25));
        var groups = RunGroup.Of(Grid.Select(key => new Run(key, curves.WithEpoch(1, new Glance(key.Seed == 0 ? 0.5 : 0.75)))));

        groups.Select(group => group.FullName).Should().Equal("gamma B=8", "gamma + bridge B=8", "gamma B=32", "gamma + bridge B=32");
        groups[1].Runs.Select(run => run.Key.Seed).Should().Equal(0, 7);
        groups[1].Over(run => run.Figure).Should().Be(new Spread(0.625, Math.Sqrt(0.03125)));
        var curve = groups[1].Curve("a curve", run => run.RecallAt1);
        curve.X.Should().Equal(1, 2);
        curve.Y.Should().Equal(0.25, 0.625);
        curve.Spread.Should().Equal(0, Math.Sqrt(0.03125));

        (curves.Epochs, curves.Seconds, curves.Underway.Count, curves.ZeroShot.Count).Should().Be((1, 0.75, 0, 0));
        curves.Objective.Should().Equal(3);
        curves.Terms[0]["bridge"].Should().Be(2);
    }

    [Fact]
    public void Losses_are_compared_with_the_baseline_at_no_smaller_a_batch_and_structures_with_none()
    {
        var groups = RunGroup.Of(RunKey.Grid(["none", "bridge"], ["gamma", "infonce"], [32, 8, 16], [0, 1]).Select(key => new Run(
            key, RunCurves.Empty.WithEpoch(1, new Glance(key.BatchSize + (key.Loss == "gamma" ? 100 : 0) + (key.Structure == "bridge" ? 1000 : 0) + (key.Seed * 10000))))));
        Figure<Run>[] figures = [new("recall", run => run.Figure), new("of one seed", run => run.Key.Seed == 0 ? 1 : double.NaN)];

        var all = Comparison.All(groups, (_, _) => figures, larger: int.MaxValue);

        all.Select(comparison => $"{comparison.Treated} - {comparison.Against}").Where(name => !name.Contains("bridge")).Should().Equal(
            "gamma B=8 - infonce B=8", "gamma B=8 - infonce B=16", "gamma B=8 - infonce B=32", "infonce B=8 - infonce B=16", "infonce B=8 - infonce B=32",
            "gamma B=16 - infonce B=16", "gamma B=16 - infonce B=32", "infonce B=16 - infonce B=32",
            "gamma B=32 - infonce B=32");
        all.Select(comparison => $"{comparison.Treated} - {comparison.Against}").Where(name => name.Contains("bridge") && name.EndsWith("B=8") && name.StartsWith("gamma")).Should().BeEquivalentTo(
            "gamma + bridge B=8 - gamma B=8", "gamma + bridge B=8 - infonce + bridge B=8");
        all.Should().OnlyContain(comparison => comparison.Figures.Keys.Single() == "recall", "a figure that was not measured with every seed is skipped");
        all.Single(comparison => comparison.Treated == "gamma B=8" && comparison.Against == "infonce B=32").Figures["recall"].Mean.Should().Be(100 + 8 - 32);
        all.Single(comparison => comparison.Treated == "gamma + bridge B=8" && comparison.Against == "gamma B=8").Figures["recall"].Mean.Should().Be(1000);
        Comparison.All(groups, (_, _) => figures, larger: 1).Select(comparison => $"{comparison.Treated} - {comparison.Against}").Where(name => !name.Contains("bridge")).Should().Equal(
            "gamma B=8 - infonce B=8", "gamma B=8 - infonce B=16", "infonce B=8 - infonce B=16", "gamma B=16 - infonce B=16", "gamma B=16 - infonce B=32", "infonce B=16 - infonce B=32",
            "gamma B=32 - infonce B=32");
        using var table = new StringWriter();
        Comparison.Write(all, ["recall"], table);
        table.ToString().Should().MatchRegex(@"gamma B=8 - infonce B=32 +recall +\+76\.000 +0\.000 +2/2 +-");
    }

    [Fact]
    public void One_run_alone_has_a_curve_without_a_spread()
        => RunGroup.Of([new Run(Grid[0], RunCurves.Empty.WithEpoch(1, new Glance(0.5)))])[0].Curve("a curve", run => run.RecallAt1).Spread.Should().BeNull();

    [Fact]
    public void The_first_setting_that_changed_is_named_with_both_values()
    {
        var command = new AlignCommand();
        var settings = command.Settings(command.Root.Parse([]));

        SettingsChange.First(settings, settings with { }).Should().BeNull();
        SettingsChange.First(settings, settings with { BridgeSide = Modality.BridgeSide.Both }).Should().Be(new SettingsChange("bridge_side", "first", "both"));
        SettingsChange.First(settings, settings with { BatchSizes = [16], Items = 5 }, "items").Should().Be(new SettingsChange("batch_size", "8,32", "16"));
        SettingsChange.First(settings, settings with { Items = 5 }, "items").Should().BeNull();
    }

    [Fact]
    public void Every_purpose_of_every_seed_has_a_stream_of_its_own()
    {
        var streams = new RandomStreams(3);
        var seeds = (from seed in new[] { 0, 1, 2, streams.LargestSeed }
                     from purpose in Enumerable.Range(0, 3)
                     select First(seed, purpose)).ToArray();

        seeds.Should().OnlyHaveUniqueItems();
        First(2, 1).Should().Be(First(2, 1));
        FluentActions.Invoking(() => streams.Of(0, 3)).Should().Throw<ArgumentOutOfRangeException>();

        long First(long seed, int purpose)
        {
            using var generator = streams.Of(seed, purpose);
            using var drawn = TorchSharp.torch.randint(long.MaxValue, [1], TorchSharp.torch.int64, generator: generator);
            return drawn.item<long>();
        }
    }
}
