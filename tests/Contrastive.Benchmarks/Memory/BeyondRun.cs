using Contrastive.Samples;

namespace Contrastive.Benchmarks.Memory;

/// <summary>The peak memory of a step with encoders as the batch grows, plain and in micro-batches, each point in processes of its own.</summary>
internal sealed class BeyondRun(int threads, SampleConsole console)
{
    private const long MicroBatch = 256;
    private const int Repeats = 3;

    private static readonly (string Title, BeyondForm Form, bool Gamma)[] Columns =
    [
        ("plain step", BeyondForm.Plain, false),
        ("InfoNCE, cached", BeyondForm.Cached, false),
        ("gamma, cached", BeyondForm.Cached, true),
        ("gamma, accumulated", BeyondForm.Accumulated, true),
    ];

    private readonly ProbeProcess _process = new(threads, console.Cancellation);

    /// <summary>Prints the table; each figure the median of three processes.</summary>
    public void Write(IEnumerable<long> batches)
    {
        var table = new ResultsTable(["batch", .. Columns.Select(column => column.Title)]);
        foreach (var batch in batches)
        {
            table.Row([$"{batch}", .. Columns.Select(column => $"{Median(new BeyondPoint(batch, MicroBatch, column.Form, column.Gamma)):F0}")]);
            console.Line($"batch {batch} measured");
        }
        console.Line($"peak MB of a step above what was there before it, micro-batches of {MicroBatch}, median of {Repeats} processes");
        table.Write(console.Output);
    }

    private double Median(BeyondPoint point)
        => Enumerable.Range(0, Repeats).Select(_ => _process.Run(point).PeakMb).Order().ElementAt(Repeats / 2);
}
