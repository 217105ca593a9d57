using Contrastive.Samples.ShapesClip.Data.Pictures;
using Contrastive.Samples.ShapesClip.Models;
using Contrastive.Samples.ShapesClip.Reporting;

namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>The user's pictures, of which nothing is known but their captions.</summary>
internal sealed class PicturesTask(ShapesSettings settings, PictureCollection pictures) : IExperimentTask<PictureData, PictureResult>
{
    public long TrainItems => PictureData.TrainItems(pictures.Files.Count, settings.TestShare);

    public PictureData Draw(long seed) => PictureData.Split(pictures, settings.TestShare, seed);

    public Glance Glance(TowerPair towers, PictureData data) => PictureMeasurement.Glance(towers, data);

    public PictureResult Measure(RunKey key, TowerPair towers, PictureData data, RunCurves curves)
        => PictureMeasurement.Full(key, towers, data, curves);

    public string Summary(PictureResult result)
        => $"recall@1 {result.Retrieval.RecallAt1:F3} among {result.Retrieval.Candidates} pictures, {result.Seconds:F0} s";
}
