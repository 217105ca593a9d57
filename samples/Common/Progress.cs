using System.Diagnostics;
using Spectre.Console;

namespace Contrastive.Samples;

/// <summary>
/// How far a long job is: a bar on a terminal, a plain line every few seconds elsewhere. The job runs on the calling
/// thread, so dispose scopes and <c>no_grad</c> inside it hold.
/// </summary>
public sealed class Progress
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(5);

    private readonly SampleConsole _console;
    private readonly string _title;
    private readonly double _total;
    private readonly ProgressTask? _bar;
    private readonly Stopwatch _sinceLine = Stopwatch.StartNew();
    private double _done;
    private string _detail = "";

    private Progress(SampleConsole console, string title, double total, ProgressTask? bar)
    {
        _console = console;
        _title = title;
        _total = total;
        _bar = bar;
    }

    /// <summary>Runs <paramref name="work"/>, which reports each of its <paramref name="total"/> steps.</summary>
    public static void Run(SampleConsole console, string title, double total, Action<Progress> work)
    {
        if (!console.Interactive)
        {
            work(new Progress(console, title, total, bar: null));
            return;
        }

        AnsiConsole.Progress()
            .AutoClear(true)
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn(),
                new PercentageColumn(),
                new RemainingTimeColumn())
            .Start(context => work(new Progress(console, title, total, context.AddTask(Markup.Escape(title), maxValue: total))));
    }

    /// <param name="steps">How many steps were done since the last call.</param>
    /// <param name="detail">What is being done, when it has changed.</param>
    public void Advance(double steps = 1, string? detail = null)
    {
        _done += steps;
        _detail = detail ?? _detail;
        if (_bar is not null)
        {
            _bar.Description = Markup.Escape($"{_title} {_detail}");
            _bar.Increment(steps);
        }
        else if (_sinceLine.Elapsed >= BetweenLines)
        {
            _sinceLine.Restart();
            _console.Line($"{_title} {_done / _total,4:P0} {_detail}");
        }
    }

    /// <summary>A line that stays, above the bar where there is one.</summary>
    public void Line(string text)
    {
        if (_bar is null)
            _console.Line(text);
        else
            AnsiConsole.MarkupLineInterpolated($"{text}");
    }
}
