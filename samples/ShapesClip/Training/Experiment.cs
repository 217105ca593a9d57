using System.Diagnostics;
using Contrastive.Samples.ShapesClip.Data;
using Contrastive.Samples.ShapesClip.Reporting;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>
/// The runs of a grid, several at a time. A finished run is one file; an experiment that was stopped takes up those files
/// and does the rest.
/// </summary>
internal sealed class Experiment(ShapesSettings settings, Device device, Outputs outputs, int workers, int threads)
{
    public IReadOnlyList<RunResult> Run(SampleConsole console, Action afterStep)
    {
        var grid = RunKey.Grid(settings);
        var results = grid.Select(key => RunFile.Read(outputs.Run(key), settings)).ToArray();
        var missing = Enumerable.Range(0, grid.Count).Where(run => results[run] is null).ToArray();
        var gate = new Lock();
        using var data = new SharedData(seed => ShapeData.Draw(settings.Pairs, checked((int)seed), device));
        double Steps(RunKey key) => (double)settings.Epochs * TrainingRun.StepsPerEpoch(settings.Pairs, key.BatchSize);
        Progress.Run(console, "training", grid.Sum(Steps), progress =>
        {
            if (missing.Length < grid.Count)
                progress.Line($"{grid.Count - missing.Length} of {grid.Count} runs are finished already");
            progress.Advance(grid.Sum(Steps) - missing.Sum(run => Steps(grid[run])));
            Workers.Run(missing.Length, workers, job =>
            {
                set_num_threads(threads);
                var key = grid[missing[job]];
                var result = data.With(key.Seed, pairs => Run(key, pairs, Step, console.Cancellation));
                RunFile.Write(outputs.Run(key), settings, result);
                lock (gate)
                {
                    results[missing[job]] = result;
                    progress.Line($"{key}: held-out zero-shot {result.HeldOut.Top1:F3}, recall@1 {result.Retrieval.RecallAt1:F3}, {result.Seconds:F0} s");
                }
            }, console.Cancellation);

            void Step()
            {
                lock (gate)
                {
                    progress.Advance();
                    afterStep();
                }
            }
        });
        return results!;
    }

    private RunResult Run(RunKey key, ShapeData data, Action step, CancellationToken cancellation)
    {
        using var run = new TrainingRun(key, settings, data, device);
        var curves = RunCurves.Empty;
        while (curves.Epochs < settings.Epochs)
        {
            var clock = Stopwatch.StartNew();
            var terms = run.Epoch(curves.Epochs, step, cancellation);
            var seconds = clock.Elapsed.TotalSeconds;
            var (recall, zeroShot) = Measurement.Glance(run.Towers, data);
            curves = curves.With(terms, recall, zeroShot, seconds);
        }

        var result = Measurement.Full(key, settings, run.Towers, data, curves);
        run.Towers.Save(outputs.Towers(key));
        return result;
    }
}
