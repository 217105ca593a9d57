using System.Globalization;

namespace Contrastive.Samples;

/// <summary>How often a checkpoint is written while nothing else asks for one: every so many steps, or every so often.</summary>
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

    public static CheckpointInterval EverySteps(long steps) => new(steps, TimeSpan.Zero, TimeProvider.System);

    public static CheckpointInterval Every(TimeSpan time, TimeProvider? clock = null) => new(null, time, clock ?? TimeProvider.System);

    /// <summary>Reads an option: <c>500</c> is steps, <c>30s</c> and <c>5m</c> are times.</summary>
    /// <exception cref="UserError">It is none of these.</exception>
    public static CheckpointInterval Parse(string option, string text)
    {
        var unit = text.Length > 0 ? text[^1] : ' ';
        var number = unit is 's' or 'm' ? text[..^1] : text;
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count < 1)
            throw new UserError($"{option}: '{text}' is neither a number of steps, such as 500, nor a time, such as 30s or 5m");
        return unit switch
        {
            's' => Every(TimeSpan.FromSeconds(count)),
            'm' => Every(TimeSpan.FromMinutes(count)),
            _ => EverySteps(count),
        };
    }

    /// <summary>Counts a step. True if a checkpoint is due after it.</summary>
    public bool IsDueAfterStep()
    {
        _stepsSince++;
        return _steps is { } steps ? _stepsSince >= steps : _clock.GetElapsedTime(_writtenAt) >= _time;
    }

    /// <summary>A checkpoint was written: counting starts anew.</summary>
    public void Restart()
    {
        _stepsSince = 0;
        _writtenAt = _clock.GetTimestamp();
    }
}
