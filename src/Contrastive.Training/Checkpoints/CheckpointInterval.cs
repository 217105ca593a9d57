using Contrastive.Numerics;

namespace Contrastive.Training;

/// <summary>How often a checkpoint is written while nothing else asks for one: every so many steps, or every so often.</summary>
/// <example><see cref="StopSignals"/> has a loop with it.</example>
public sealed class CheckpointInterval
{
    private readonly long? _steps;
    private readonly TimeSpan _time;
    private readonly TimeProvider _clock;
    private long _stepsSince;
    private long _writtenAt;

    private CheckpointInterval(long? steps, TimeSpan time, TimeProvider clock)
    {
        _steps = steps;
        _time = time;
        _clock = clock;
        _writtenAt = clock.GetTimestamp();
    }

    /// <summary>After every so many steps.</summary>
    /// <param name="steps">How many. Range: ≥ 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is less than 1.</exception>
    public static CheckpointInterval EverySteps(long steps) => new(Guard.AtLeast(steps, 1), TimeSpan.Zero, TimeProvider.System);

    /// <summary>After the first step that ends when this time has passed since the last checkpoint.</summary>
    /// <param name="time">How long. Range: &gt; 0.</param>
    /// <param name="clock">The system's unless given.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is zero or negative.</exception>
    public static CheckpointInterval Every(TimeSpan time, TimeProvider? clock = null)
        => time > TimeSpan.Zero
            ? new(null, time, clock ?? TimeProvider.System)
            : throw new ArgumentOutOfRangeException(nameof(time), time, $"time must be greater than 0 but is {time}");

    /// <summary>Counts a step.</summary>
    /// <returns>Whether a checkpoint is due after it.</returns>
    public bool IsDueAfterStep()
    {
        _stepsSince++;
        return _steps is { } steps ? _stepsSince >= steps : _clock.GetElapsedTime(_writtenAt) >= _time;
    }

    /// <summary>A checkpoint was written, for whatever reason: counting starts anew.</summary>
    public void Restart()
    {
        _stepsSince = 0;
        _writtenAt = _clock.GetTimestamp();
    }
}
