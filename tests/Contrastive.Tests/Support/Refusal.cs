namespace Contrastive.Tests;

internal static class Refusal
{
    /// <summary>Bad input is an argument exception that says what was wrong.</summary>
    public static void Refuses(Action action, string message)
        => action.Should().Throw<ArgumentException>().WithMessage($"*{message}*");

    public static void Refuses(Func<object> function, string message)
        => Refuses(() => { _ = function(); }, message);
}
