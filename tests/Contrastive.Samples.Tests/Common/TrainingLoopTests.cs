using Contrastive.Training;

namespace Contrastive.Samples.Tests.Common;

public sealed class TrainingLoopTests : IDisposable
{
    private readonly StringWriter _output = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<long> _saved = [];

    public void Dispose()
    {
        _output.Dispose();
        _stop.Dispose();
    }

    private sealed class Run(long steps, Func<long, double>? objective = null) : ITrainingRun
    {
        public string Name => "a run";

        public long Steps => steps;

        public long StepsDone { get; set; }

        public long BatchSize => 8;

        public int Followed { get; private set; }

        public IReadOnlyList<LossTerm> TakeStep() => [new LossTerm("objective", objective?.Invoke(++StepsDone) ?? ++StepsDone), new LossTerm("bridge", 0.5)];

        public void AfterStep() => Followed++;
    }

    private void Train(Run run, CheckpointInterval? interval = null, Action? afterStep = null, Action? whileSaving = null)
        => Progress.Run(new SampleConsole(_output, Interactive: false, _stop.Token), "training", run.Steps, progress
            => new TrainingLoop(progress, interval ?? CheckpointInterval.EverySteps(1000), _stop.Token, afterStep).Run(run, () =>
            {
                _saved.Add(run.StepsDone);
                whileSaving?.Invoke();
            }));

    [Fact]
    public void A_run_ends_after_its_last_step_with_checkpoints_on_the_way()
    {
        var run = new Run(7) { StepsDone = 1 };
        Train(run, CheckpointInterval.EverySteps(2));

        run.StepsDone.Should().Be(7);
        run.Followed.Should().Be(6);
        _saved.Should().Equal(3, 5, 7);
        _output.ToString().Should().Contain("a run: goes on after step 1 of 7");
    }

    [Fact]
    public void The_last_step_is_saved_so_that_only_measuring_is_left()
    {
        var run = new Run(7);
        Train(run);
        _saved.Should().Equal(7);

        Train(run);
        (run.StepsDone, _saved.Count).Should().Be((7, 1));
    }

    [Fact]
    public void Stopped_it_ends_after_the_step_in_progress_with_one_checkpoint()
    {
        var run = new Run(7);
        FluentActions.Invoking(() => Train(run, CheckpointInterval.EverySteps(3), () =>
        {
            if (run.StepsDone == 3) _stop.Cancel();
        })).Should().Throw<OperationCanceledException>();

        run.StepsDone.Should().Be(3);
        run.Followed.Should().Be(3);
        _saved.Should().Equal(3);
        _output.ToString().Should().Contain("stopped after step 3 of 7");

        // Asked before the first step: nothing to add to the checkpoint.
        FluentActions.Invoking(() => Train(run)).Should().Throw<OperationCanceledException>();
        (run.StepsDone, _saved.Count).Should().Be((3, 1));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void An_objective_that_is_not_finite_ends_the_run_before_a_checkpoint_is_made_of_it(double bad)
    {
        var run = new Run(7, step => step == 4 ? bad : 1);

        FluentActions.Invoking(() => Train(run, CheckpointInterval.EverySteps(2))).Should().Throw<UserError>().WithMessage("a run: objective is * after step 4 of 7*");

        _saved.Should().Equal(2);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("0")]
    [InlineData("-1s")]
    [InlineData("5 minutes")]
    [InlineData("99999999999")]
    public void An_interval_that_makes_no_sense_is_refused(string text)
        => FluentActions.Invoking(() => CheckpointOption.Parse("--checkpoint-every", text)).Should().Throw<UserError>().WithMessage($"--checkpoint-every: '{text}'*");

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }

    [Fact]
    public void A_stop_that_comes_while_a_checkpoint_is_written_is_told_like_any_other()
    {
        var run = new Run(7);
        FluentActions.Invoking(() => Train(run, CheckpointInterval.EverySteps(2), whileSaving: _stop.Cancel)).Should().Throw<OperationCanceledException>();
        _saved.Should().Equal(2);
        run.StepsDone.Should().Be(2);
        _output.ToString().Should().Contain("stopped after step 2 of 7");
    }

    [Fact]
    public void Progress_without_a_terminal_is_a_line_now_and_then_with_figures_speed_and_time_left()
    {
        var clock = new Clock();
        var progress = new Progress(new SampleConsole(_output, Interactive: false, default), "training", 4000, bar: null, clock);
        progress.Skip(1000);
        for (var step = 0; step < 60; step++)
        {
            clock.Now += TimeSpan.FromSeconds(0.1);
            progress.Advance(1, "a run", 8, [new LossTerm("objective", 2.5), new LossTerm("bridge", 0.25)]);
        }

        // 50 of 3000 steps of a tenth of a second; those done before the start count for the share, not for the speed.
        _output.ToString().TrimEnd().Should().Be("training 26 % | a run | objective 2.5, bridge 0.25 | 80 samples/s | 4:55 left");
    }

    [Fact]
    public void Speed_is_that_of_the_last_seconds()
    {
        var clock = new Clock();
        var throughput = new Throughput(clock);
        throughput.TimeFor(10).Should().BeNull();
        for (var step = 0; step < 100; step++)
        {
            clock.Now += TimeSpan.FromSeconds(1);
            throughput.Add(1, step < 50 ? 100 : 400);
        }

        throughput.SamplesPerSecond.Should().BeApproximately(400, 1e-9);
        throughput.TimeFor(10)!.Value.TotalSeconds.Should().BeApproximately(10, 1e-9);
    }
}
