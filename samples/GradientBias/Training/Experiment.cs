using Contrastive.Samples.GradientBias.Problem;

namespace Contrastive.Samples.GradientBias.Training;

/// <summary>All training runs: every loss at every noise level from every start, shared out among threads.</summary>
internal static class Experiment
{
    public static IReadOnlyList<RunCurve> Run(
        SyntheticProblem problem, double optimum, GradientBiasSettings settings, int threads, SampleConsole console)
    {
        // The costlier loss first, so that no thread is left with the longest run at the end.
        NoisyRun[] keys =
        [
            .. from loss in ComparedLosses.Names.Reverse()
               from noise in settings.NoiseLevels
               from run in Enumerable.Range(0, settings.Runs)
               select new NoisyRun(loss, noise, run),
        ];
        var curves = new RunCurve[keys.Length];
        Progress.Run(console, "training", (double)keys.Length * settings.Steps, progress =>
        {
            var finished = 0;
            Workers.Run(
                keys.Length,
                threads,
                i =>
                {
                    curves[i] = TrainingRun.Train(keys[i], problem, optimum, settings, Advance, console.Cancellation);
                    Interlocked.Increment(ref finished);
                },
                console.Cancellation);

            void Advance(int steps)
            {
                lock (progress)
                    progress.Advance(steps, $"({finished} of {keys.Length} runs)");
            }
        });
        return curves;
    }
}
