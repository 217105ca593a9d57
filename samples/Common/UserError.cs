using System.Diagnostics.CodeAnalysis;

namespace Contrastive.Samples;

/// <summary>
/// Something the person at the keyboard can put right: a file, an option, a full disk. The message is one line that names
/// the file or option and the cause; <see cref="SampleRunner"/> prints it alone and ends with exit code 2.
/// </summary>
[SuppressMessage("Naming", "CA1710", Justification = "Thrown as a message to a person, and named for that.")]
public sealed class UserError : Exception
{
    public UserError(string message, Exception? cause = null)
        : base(OneLine(message), cause)
    {
    }

    private static string OneLine(string message)
        => string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
