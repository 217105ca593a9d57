using Contrastive.Samples.ShapesClip.Models;
using Contrastive.Samples.ShapesClip.Reporting;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Querying;

/// <summary>An answer: which item, and the cosine of its features with the query's.</summary>
internal readonly record struct Hit(int Item, double Score);

/// <summary>Nearest neighbours among the features of pictures and of captions.</summary>
internal sealed class Search : IDisposable
{
    private readonly Tensor _images;
    private readonly Tensor? _captions;

    public Search(TowerPair towers, Gallery gallery)
    {
        _images = Features.Of(towers.Image, gallery.Images, TowerPair.Prepare).Shared.DetachFromDisposeScope();
        Captions = [.. gallery.Captions.SelectMany(said => said).Distinct()];
        if (Captions.Count == 0)
            return;
        using var tokens = towers.Tokenizer.Encode(Captions, gallery.Images.device);
        _captions = Features.Of(towers.Text, tokens).DetachFromDisposeScope();
    }

    /// <summary>All captions of the gallery, each once.</summary>
    public IReadOnlyList<string> Captions { get; }

    /// <summary>The pictures nearest to a query's features, (1, D), the nearest first.</summary>
    public IReadOnlyList<Hit> Pictures(Tensor query, int top) => Nearest(_images, query, top);

    /// <summary>The captions nearest to it; none where the gallery has none.</summary>
    public IReadOnlyList<Hit> Texts(Tensor query, int top) => _captions is null ? [] : Nearest(_captions, query, top);

    public void Dispose()
    {
        _images.Dispose();
        _captions?.Dispose();
    }

    private static IReadOnlyList<Hit> Nearest(Tensor features, Tensor query, int top)
    {
        using var scope = NewDisposeScope();
        var scores = features.matmul(query.squeeze(0));
        var (best, items) = scores.topk((int)Math.Min(top, features.shape[0]), dim: 0);
        var (values, rows) = (best.cpu().to(ScalarType.Float64).data<double>().ToArray(), items.cpu().data<long>().ToArray());
        return [.. rows.Zip(values, (row, value) => new Hit((int)row, value))];
    }
}
