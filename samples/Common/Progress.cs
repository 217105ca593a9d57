using System.Globalization;
using Spectre.Console;

namespace Contrastive.Samples;

/// <summary>
/// How far a long job is, how fast, and how long it still takes: a bar on a terminal, a plain line every few seconds
/// elsewhere. The job runs on the calling thread, so dispose scopes and <c>no_grad</c> inside it hold; threads it starts may
/// all report.
/// </summary>
public sealed class Progress(SampleConsole console, string title, double total, ProgressTask? bar, TimeProvider clock)
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BetweenFrames = TimeSpan.FromSeconds(0.1);

    private readonly Lock _gate = new();
    private readonly Throughput _throughput = new(clock);
    private long _shownAt = clock.GetTimestamp();
    private double _done;
    private string _detail = "";

    /// <summary>Runs <paramref name="work"/>, which reports each of its <paramref name="total"/> steps.</summary>
    public static void Run(SampleConsole console, string title, double total, Action<Progress> work)
    {
        if (!console.Interactive)
        {
            work(new Progress(console, title, total, bar: null, TimeProvider.System));
            return;
        }

        AnsiConsole.Progress()
            .AutoClear(true)
            .Columns(
                new ProgressBarColumn(),
                new PercentageColumn(),
                new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => work(
                new Progress(console, title, total, context.AddTask(Markup.Escape(title), maxValue: total), TimeProvider.System)));
    }

    /// <param name="steps">How many steps were done since the last call.</param>
    /// <param name="detail">What is being done, when it has changed.</param>
    /// <param name="samples">How many samples these steps took, where that is worth knowing.</param>
    /// <param name="terms">The figures of the last step, the objective first.</param>
    public void Advance(double steps = 1, string? detail = null, long samples = 0, IReadOnlyList<LossTerm>? terms = null)
    {
        lock (_gate)
            Advanced(steps, detail, samples, terms);
    }

    /// <summary>Counts steps that were done earlier: they say nothing of how fast the job is.</summary>
    public void Skip(double steps)
    {
        lock (_gate)
        {
            _done += steps;
            bar?.Increment(steps);
        }
    }

    /// <summary>A line that stays, above the bar where there is one.</summary>
    public void Line(string text)
    {
        lock (_gate)
        {
            if (bar is null)
                console.Line(text);
            else
                AnsiConsole.MarkupLineInterpolated($"{text}");
        }
    }

    private void Advanced(double steps, string? detail, long samples, IReadOnlyList<LossTerm>? terms)
    {
        _done += steps;
        _detail = detail ?? _detail;
        _throughput.Add(steps, samples);
        bar?.Increment(steps);
        if (clock.GetElapsedTime(_shownAt) < (bar is null ? BetweenLines : BetweenFrames))
            return;
        _shownAt = clock.GetTimestamp();
        if (bar is not null)
            bar.Description = Markup.Escape(Text(terms));
        else
            console.Line(string.Create(CultureInfo.InvariantCulture, $"{title} {_done / total,4:P0} | {Text(terms)}"));
    }

    private string Text(IReadOnlyList<LossTerm>? terms)
    {
        var parts = new List<string>();
        if (_detail.Length > 0)
            parts.Add(_detail);
        if (terms is { Count: > 0 })
            parts.Add(string.Join(", ", terms));
        if (_throughput.SamplesPerSecond is > 0 and var speed && double.IsFinite(speed))
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{speed:N0} samples/s"));
        if (_throughput.TimeFor(total - _done) is { } left)
            parts.Add($"{Clock(left)} left");
        return string.Join(" | ", parts);
    }

    private static string Clock(TimeSpan time)
        => time.TotalHours < 1 ? $"{time.Minutes}:{time.Seconds:00}" : $"{(long)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}";
}

/// <summary>How fast a job is, over its last seconds: what it did at first, or before it was resumed, says little of now.</summary>
internal sealed class Throughput(TimeProvider clock)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan BetweenMarks = TimeSpan.FromSeconds(0.25);

    private readonly Queue<Mark> _marks = new([new Mark(clock.GetTimestamp(), 0, 0)]);
    private long _lastMark = clock.GetTimestamp();
    private double _steps;
    private double _samples;

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
        var now = clock.GetTimestamp();
        if (clock.GetElapsedTime(_lastMark, now) < BetweenMarks)
            return;
        _lastMark = now;
        _marks.Enqueue(new Mark(now, _steps, _samples));
        while (_marks.Count > 2 && clock.GetElapsedTime(_marks.Peek().Time, now) > Window)
            _marks.Dequeue();
    }

    private double Elapsed => clock.GetElapsedTime(_marks.Peek().Time).TotalSeconds;
}
