namespace Contrastive.Samples;

/// <summary>How fast a job is, over its last seconds: what it did at first, or before it was resumed, says little of now.</summary>
internal sealed class Throughput
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan BetweenMarks = TimeSpan.FromSeconds(0.25);

    private readonly TimeProvider _clock;
    private readonly Queue<Mark> _marks = new();
    private double _steps;
    private double _samples;
    private long _lastMark;

    public Throughput(TimeProvider clock)
    {
        _clock = clock;
        _lastMark = clock.GetTimestamp();
        _marks.Enqueue(new Mark(_lastMark, 0, 0));
    }

    private readonly record struct Mark(long Time, double Steps, double Samples);

    /// <summary>NaN until something was done.</summary>
    public double SamplesPerSecond => (_samples - _marks.Peek().Samples) / Elapsed;

    /// <summary>Null until something was done.</summary>
    public TimeSpan? TimeFor(double steps)
    {
        var seconds = steps * Elapsed / (_steps - _marks.Peek().Steps);
        return double.IsFinite(seconds) && seconds < TimeSpan.MaxValue.TotalSeconds / 2 ? TimeSpan.FromSeconds(seconds) : null;
    }

    public void Add(double steps, double samples)
    {
        _steps += steps;
        _samples += samples;
        var now = _clock.GetTimestamp();
        if (_clock.GetElapsedTime(_lastMark, now) < BetweenMarks)
            return;
        _lastMark = now;
        _marks.Enqueue(new Mark(now, _steps, _samples));
        while (_marks.Count > 2 && _clock.GetElapsedTime(_marks.Peek().Time, now) > Window)
            _marks.Dequeue();
    }

    private double Elapsed => _clock.GetElapsedTime(_marks.Peek().Time).TotalSeconds;
}
