namespace Contrastive.Samples;

/// <summary>Where a sample writes, whether a person is watching a terminal, and the token that Ctrl-C and SIGTERM cancel.</summary>
public sealed class SampleConsole(TextWriter output, bool interactive, CancellationToken cancellation)
{
    public TextWriter Output { get; } = output;

    /// <summary>False when the output goes to a file, a pipe or a test: progress is then plain lines.</summary>
    public bool Interactive { get; } = interactive;

    public CancellationToken Cancellation { get; } = cancellation;

    public void Line(string text = "") => Output.WriteLine(text);
}
