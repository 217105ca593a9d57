namespace Contrastive.Training.Tests;

public sealed class WarmupCosineScheduleTests
{
    [Fact]
    public void It_is_open_clips_schedule()
    {
        var schedule = new WarmupCosineSchedule(peak: 0.5, steps: 100, warmup: 10);

        for (var step = 0; step < 100; step++)
        {
            // open_clip, training/scheduler.py, cosine_lr.
            var expected = step < 10 ? 0.5 * (step + 1) / 10 : 0.5 * (1 + Math.Cos(Math.PI * (step - 10) / (100 - 10))) * 0.5;
            schedule.At(step).Should().BeApproximately(expected, 1e-15);
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(100, 0.2)]
    [InlineData(50, 0.6)]
    [InlineData(1000, 0.2)]
    public void It_falls_from_the_peak_to_the_end_and_stays(long step, double expected)
        => new WarmupCosineSchedule(1, 100, final: 0.2).At(step).Should().BeApproximately(expected, 1e-12);

    [Fact]
    public void All_warm_up_only_rises()
    {
        var schedule = new WarmupCosineSchedule(1, 4, warmup: 4);
        Enumerable.Range(0, 5).Select(step => schedule.At(step)).Should().Equal(0.25, 0.5, 0.75, 1, 0);
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        Refuses(() => new WarmupCosineSchedule(-1, 10), "peak");
        Refuses(() => new WarmupCosineSchedule(1, 0), "steps must be at least 1 but is 0");
        Refuses(() => new WarmupCosineSchedule(1, 10, warmup: 11), "at most the 10 steps of the training but is 11");
        Refuses(() => new WarmupCosineSchedule(1, 10, final: 2), "final must lie in [0, 1] but is 2");
        Refuses(() => new WarmupCosineSchedule(1, 10).At(-1), "step");
    }
}
