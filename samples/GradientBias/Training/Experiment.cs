using Contrastive.Samples.GradientBias.Problem;

namespace Contrastive.Samples.GradientBias.Training;

/// <summary>All training runs: every loss at every noise level from every start, shared out among threads.</summary>
internal static class Experiment
{
    public static IReadOnlyList<RunCurve> Run(
        SyntheticProblem problem, double optimum, GradientBiasSettings settings, FinishedWork finished, int threads, SampleConsole console)
    {
        // The costlier loss first, so that no thread is left with the longest run at the end.
        NoisyRun[] keys =
        [
            .. from loss in ComparedLosses.Names.Reverse()
               from noise in settings.NoiseLevels
               from run in Enumerable.Range(0, settings.Runs)
               select new NoisyRun(loss, noise, run),
        ];
        var curves = keys.Select(finished.Curve).ToArray();
        var missing = Enumerable.Range(0, keys.Length).Where(run => curves[run] is null).ToArray();
        Progress.Run(console, "training", (double)keys.Length * settings.Steps, progress =>
        {
            var done = keys.Length - missing.Length;
            if (done > 0)
                progress.Line($"{done} of {keys.Length} runs are finished already");
            progress.Skip((double)done * settings.Steps);
            Workers.Run(
                missing.Length,
                threads,
                job =>
                {
                    var run = missing[job];
                    finished.Add(curves[run] = TrainingRun.Train(keys[run], problem, optimum, settings, Advance, console.Cancellation));
                    Interlocked.Increment(ref done);
                },
                console.Cancellation);

            void Advance(int steps)
            {
                lock (progress)
                    progress.Advance(steps, $"({done} of {keys.Length} runs)");
            }
        });
        return curves!;
    }
}
