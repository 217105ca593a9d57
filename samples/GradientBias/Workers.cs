namespace Contrastive.Samples.GradientBias;

/// <summary>Independent jobs on several threads, each thread taking the next job as it becomes free.</summary>
internal static class Workers
{
    public static void Run(int jobs, int threads, Action<int> job, CancellationToken stop)
    {
        // One at a time and not by ranges, as Parallel.For would: the jobs are few and not equally long.
        var next = -1;
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = stop }, _ =>
        {
            for (var i = Interlocked.Increment(ref next); i < jobs; i = Interlocked.Increment(ref next))
                job(i);
        });
    }
}
