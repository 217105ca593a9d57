namespace Contrastive.Samples.GradientBias;

/// <summary>All training runs: every loss at every noise level from every start, shared out among threads.</summary>
internal static class Experiment
{
    public static IReadOnlyList<RunCurve> Run(
        SyntheticProblem problem, double optimum, GradientBiasSettings settings, RunRecords<NoisyRun, RunCurve> finished, int threads, SampleConsole console, Action? afterEach)
    {
        // The costlier loss first, so that no thread is left with the longest run at the end.
        NoisyRun[] keys =
        [
            .. from loss in ComparedLosses.Names.Reverse()
               from noise in settings.NoiseLevels
               from run in Enumerable.Range(0, settings.Runs)
               select new NoisyRun(loss, noise, run),
        ];
        var done = keys.Count(key => finished.Find(key) is not null);
        return Workers.Run(console, "training", "runs", keys, finished.Find, _ => settings.Steps, threads, (key, progress) =>
        {
            var curve = TrainingRun.Train(key, problem, optimum, settings, Advance, console.Cancellation);
            finished.Add(key, curve);
            afterEach?.Invoke();
            Interlocked.Increment(ref done);
            return curve;

            void Advance(int steps) => progress.Advance(steps, $"({done} of {keys.Length} runs)");
        });
    }
}
