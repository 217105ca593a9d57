using Contrastive.Samples.ShapesClip;

namespace Contrastive.Samples.Tests.ShapesClip;

/// <summary>Runs ShapesClip in this process.</summary>
internal static class RunShapes
{
    public static (int Code, string Output, string Error) With(params string[] arguments) => Stopping(int.MaxValue, arguments);

    /// <summary>As if Ctrl-C were pressed after a number of training steps.</summary>
    public static (int Code, string Output, string Error) Stopping(int afterSteps, params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        using var stop = new CancellationTokenSource();
        var code = ShapesClipProgram.Run(arguments, output, error, Count, stop.Token);
        return (code, output.ToString(), error.ToString());

        void Count()
        {
            if (--afterSteps == 0)
                stop.Cancel();
        }
    }
}
