using Contrastive.Samples.ShapesClip.Data;
using Contrastive.Samples.ShapesClip.Models;
using Contrastive.Samples.ShapesClip.Reporting;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>Drawn shapes, whose attributes are known.</summary>
internal sealed class ShapesTask(ShapesSettings settings, Device device) : IExperimentTask<ShapeData, RunResult>
{
    public long TrainItems => settings.Pairs;

    public ShapeData Draw(long seed) => ShapeData.Draw(settings.Pairs, (int)seed, device);

    public Glance Glance(TowerPair towers, ShapeData data) => Measurement.Glance(towers, data);

    public RunResult Measure(RunKey key, TowerPair towers, ShapeData data, RunCurves curves)
        => Measurement.Full(key, settings, towers, data, curves);

    public string Summary(RunResult result)
        => $"held-out zero-shot {result.HeldOut.Top1:F3}, recall@1 {result.Retrieval.RecallAt1:F3}, {result.Seconds:F0} s";
}
