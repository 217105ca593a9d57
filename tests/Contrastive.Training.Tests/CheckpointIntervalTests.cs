namespace Contrastive.Training.Tests;

public class CheckpointIntervalTests
{
    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }

    [Fact]
    public void An_interval_of_time_starts_anew_with_each_checkpoint()
    {
        var clock = new Clock();
        var interval = CheckpointInterval.Every(TimeSpan.FromSeconds(30), clock);

        interval.IsDueAfterStep().Should().BeFalse();
        clock.Now = TimeSpan.FromSeconds(30);
        interval.IsDueAfterStep().Should().BeTrue();
        interval.IsDueAfterStep().Should().BeTrue("none was written yet");
        interval.Restart();
        interval.IsDueAfterStep().Should().BeFalse();
        clock.Now = TimeSpan.FromSeconds(60);
        interval.IsDueAfterStep().Should().BeTrue();
    }

    [Fact]
    public void An_interval_of_steps_counts_them_from_the_last_checkpoint()
    {
        var interval = CheckpointInterval.EverySteps(3);
        bool[] Due(int steps) => [.. Enumerable.Range(0, steps).Select(_ => interval.IsDueAfterStep())];

        Due(4).Should().Equal(false, false, true, true);
        interval.Restart();
        Due(2).Should().Equal(false, false);
        interval.Restart();
        Due(3).Should().Equal(false, false, true);
        CheckpointInterval.EverySteps(1).IsDueAfterStep().Should().BeTrue();
    }

    [Fact]
    public void Intervals_of_nothing_are_refused()
    {
        Refuses(() => CheckpointInterval.EverySteps(0), "steps must be at least 1 but is 0");
        Refuses(() => CheckpointInterval.Every(TimeSpan.Zero), "time must be greater than 0 but is 00:00:00");
        Refuses(() => CheckpointInterval.Every(TimeSpan.FromSeconds(-1)), "time must be greater than 0 but is -00:00:01");
        CheckpointInterval.Every(TimeSpan.FromHours(1)).IsDueAfterStep().Should().BeFalse("the system's clock");
    }
}
