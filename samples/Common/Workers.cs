using System.Runtime.ExceptionServices;

namespace Contrastive.Samples;

/// <summary>Independent jobs on several threads, each thread taking the next job as it becomes free.</summary>
public static class Workers
{
    /// <summary>The runs of a grid that are not finished; progress counts their steps.</summary>
    /// <param name="finished">The result of a run, or null.</param>
    /// <param name="threads">Runs at a time.</param>
    /// <returns>The results in the order of the grid.</returns>
    public static IReadOnlyList<TResult> Run<TKey, TResult>(
        SampleConsole console,
        string title,
        string what,
        IReadOnlyList<TKey> grid,
        Func<TKey, TResult?> finished,
        Func<TKey, double> steps,
        int threads,
        Func<TKey, Progress, TResult?> run)
        where TResult : class
    {
        var results = grid.Select(finished).ToArray();
        int[] missing = [.. Enumerable.Range(0, grid.Count).Where(i => results[i] is null)];
        Progress.Run(console, title, grid.Sum(steps), progress =>
        {
            if (missing.Length < grid.Count)
                progress.Line($"{grid.Count - missing.Length} of {grid.Count} {what} are finished already");
            progress.Skip(grid.Sum(steps) - missing.Sum(i => steps(grid[i])));
            Run(missing.Length, threads, job => results[missing[job]] = run(grid[missing[job]], progress), console.Cancellation);
        });
        return results!;
    }

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
