using System.Runtime.ExceptionServices;

namespace Contrastive.Samples;

/// <summary>Independent jobs on several threads, each thread taking the next job as it becomes free.</summary>
public static class Workers
{
    public static void Run(int jobs, int threads, Action<int> job, CancellationToken stop)
    {
        // One at a time and not by ranges, as Parallel.For would: the jobs are few and not equally long.
        var next = -1;
        try
        {
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = stop }, (_, all) =>
            {
                for (var i = Interlocked.Increment(ref next); i < jobs && !all.IsExceptional; i = Interlocked.Increment(ref next))
                    job(i);
            });
        }
        catch (AggregateException failures)
        {
            // As one thread would have it: what went wrong first, or that the work was stopped.
            stop.ThrowIfCancellationRequested();
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }
    }
}
