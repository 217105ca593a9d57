using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Contrastive.Training;

namespace Contrastive.Samples;

/// <summary>Runs a sample's command: parses the arguments, reports what went wrong in one line, and ends early when a signal asks for it.</summary>
public static class SampleRunner
{
    public const int Refused = 2;

    /// <param name="command">The command with its options; its action is set here, and that of subcommands that have none.</param>
    /// <param name="body">The program. It throws <see cref="UserError"/> for whatever the user can put right; what files have against it is reported alike.</param>
    /// <param name="output">Standard output unless given, as tests do.</param>
    /// <param name="error">Standard error unless given.</param>
    /// <param name="cancellation">A further way to stop, beside Ctrl-C and SIGTERM.</param>
    /// <returns>The exit code.</returns>
    public static int Run(
        RootCommand command,
        IReadOnlyList<string> arguments,
        Action<ParseResult, SampleConsole> body,
        TextWriter? output = null,
        TextWriter? error = null,
        CancellationToken cancellation = default)
    {
        var interactive = output is null && !Console.IsOutputRedirected;
        output ??= Console.Out;
        error ??= Console.Error;
        using var stop = new StopSignals(cancellation);
        try
        {
            SetAction(command, result => body(result, new SampleConsole(output, interactive, stop.Token)));
            var parsed = command.Parse(arguments);
            if (parsed.Errors.Count > 0)
                throw new UserError($"{parsed.Errors[0].Message.TrimEnd('.')} (--help lists the options)");
            return parsed.Invoke(new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
        }
        catch (UserError refused)
        {
            error.WriteLine($"error: {refused.Message}");
            return Refused;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            // A file or folder, by the name the message has: a full disk, a damaged checkpoint, one of other towers.
            error.WriteLine($"error: {new UserError(problem.Message).Message}");
            return Refused;
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            error.WriteLine("stopped");
            return stop.ExitCode;
        }
    }

    private static void SetAction(Command command, Action<ParseResult> action)
    {
        // A command within that only holds others has nothing to do by itself; one that has an action keeps it.
        if (command.Action is null && (command is RootCommand || command.Subcommands.Count == 0))
            command.SetAction(action);
        foreach (var inner in command.Subcommands)
            SetAction(inner, action);
    }
}

/// <summary>Where a sample writes, whether a person is watching a terminal, and the token that Ctrl-C and SIGTERM cancel.</summary>
/// <param name="Interactive">False when the output goes to a file, a pipe or a test: progress is then plain lines.</param>
public sealed record SampleConsole(TextWriter Output, bool Interactive, CancellationToken Cancellation)
{
    public void Line(string text = "") => Output.WriteLine(text);

    /// <summary>Work that a person may stop; a last line says what it leaves.</summary>
    /// <param name="work">The work.</param>
    /// <param name="left">What it leaves when it is stopped; null where that is nothing.</param>
    public void Stoppable(Action work, Func<string?> left)
    {
        try
        {
            work();
        }
        catch (OperationCanceledException)
        {
            if (left() is { } line)
                Line(line);
            throw;
        }
    }
}

/// <summary>
/// Something the person at the keyboard can put right: a file, an option, a full disk. The message is one line that names
/// the file or option and the cause; <see cref="SampleRunner"/> prints it alone and ends with exit code 2.
/// </summary>
[SuppressMessage("Naming", "CA1710", Justification = "Thrown as a message to a person, and named for that.")]
public sealed class UserError(string message, Exception? cause = null)
    : Exception(string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)), cause);
