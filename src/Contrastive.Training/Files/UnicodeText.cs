namespace Contrastive.Training;

/// <summary>.NET's texts can hold half of a surrogate pair, and then are no Unicode: written as UTF-8 they come back as others.</summary>
internal static class UnicodeText
{
    /// <param name="text">What will be written.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <param name="argument">Where it came from.</param>
    /// <exception cref="ArgumentException">It has half of a pair in it; says where.</exception>
    public static void Check(string text, string what, string argument)
    {
        var at = 0;
        while (text.AsSpan(at).IndexOfAnyInRange('\ud800', '\udfff') is >= 0 and var next)
        {
            at += next;
            if (!char.IsSurrogatePair(text, at))
                throw new ArgumentException($"{what} has half of a surrogate pair, \\u{(int)text[at]:x4}, at {at}, which UTF-8 cannot hold", argument);
            at += 2;
        }
    }
}
