using Contrastive.Numerics;
using Contrastive.Samples.ShapesClip.Data.Pictures;
using Contrastive.Samples.ShapesClip.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Reporting;

/// <summary>What two towers can do with the user's pictures.</summary>
internal static class PictureMeasurement
{
    private const long GlancePictures = 500;

    /// <summary>Recall@1 among the first validation pictures.</summary>
    public static Glance Glance(TowerPair towers, PictureData data)
    {
        using var scope = NewDisposeScope();
        var (images, texts, imageOfText) = Features(towers, data.Validation, GlancePictures);
        return new Glance(RetrievalFigures.Of(images, texts, imageOfText).RecallAt1, null);
    }

    public static PictureResult Full(RunKey key, TowerPair towers, PictureData data, RunCurves curves)
    {
        using var scope = NewDisposeScope();
        var (images, texts, imageOfText) = Features(towers, data.Test, data.Test.Pictures);
        return new PictureResult
        {
            Loss = key.Loss,
            Structure = key.Structure,
            BatchSize = key.BatchSize,
            Seed = key.Seed,
            Retrieval = RetrievalFigures.Of(images, texts, imageOfText),
            TestCaptions = texts.shape[0],
            ModalityGap = Contrastive.Evaluation.ModalityGap.Compute(images, texts),
            Alignment = Contrastive.Evaluation.Alignment.Compute(images.index_select(0, imageOfText), texts),
            Uniformity = (Contrastive.Evaluation.Uniformity.Compute(images) + Contrastive.Evaluation.Uniformity.Compute(texts)) / 2,
            Curves = curves,
        };
    }

    /// <summary>Of the first pictures, (n, D), and their captions, (m, D), with the picture of each caption, (m).</summary>
    private static (Tensor Images, Tensor Texts, Tensor ImageOfText) Features(TowerPair towers, PictureSet set, long pictures)
    {
        pictures = Math.Min(pictures, set.Pictures);
        using var limit = pictures.ToScalar();
        // Captions come picture by picture, so those of the first pictures come first.
        var captions = set.PictureOfCaption.lt(limit).sum(dim: 0).item<long>();
        var rows = TensorArithmetic.Range(0, pictures, set.Rows.device);
        return (
            Reporting.Features.Of(towers.Image, rows, some => TowerPair.Prepare(set.Images(some))).Shared,
            Reporting.Features.Of(towers.Text, set.Tokens.narrow(0, 0, captions)),
            set.PictureOfCaption.narrow(0, 0, captions));
    }
}
