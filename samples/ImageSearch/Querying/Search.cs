using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Querying;

/// <summary>An answer: which row, and the cosine of its features with the query's.</summary>
internal readonly record struct Hit(int Row, double Score);

/// <summary>Nearest neighbours among the features of pictures and of captions.</summary>
internal sealed class Search : IDisposable
{
    private readonly Tensor _pictures;
    private readonly Tensor? _captions;

    public Search(SearchTowers towers, PictureCollection collection, Device device)
    {
        Captions = [.. collection.Pictures.SelectMany(picture => picture.Captions).Distinct()];
        _pictures = towers.UnitImages([.. collection.Pictures.Select(picture => picture.Pixels)], device).DetachFromDisposeScope();
        if (Captions.Count > 0)
            _captions = towers.UnitTexts(Captions, device).DetachFromDisposeScope();
    }

    /// <summary>All captions, each once.</summary>
    public IReadOnlyList<string> Captions { get; }

    /// <summary>The pictures nearest to a query's features, (1, D), the nearest first.</summary>
    public IReadOnlyList<Hit> Pictures(Tensor query, int top) => Nearest(_pictures, query, top);

    /// <summary>The captions nearest to it; none where there are none.</summary>
    public IReadOnlyList<Hit> Texts(Tensor query, int top) => _captions is null ? [] : Nearest(_captions, query, top);

    public void Dispose()
    {
        _pictures.Dispose();
        _captions?.Dispose();
    }

    private static IReadOnlyList<Hit> Nearest(Tensor features, Tensor query, int top)
    {
        using var scope = NewDisposeScope();
        var (best, rows) = features.matmul(query.squeeze(0)).topk((int)Math.Min(top, features.shape[0]), dim: 0);
        return [.. rows.cpu().data<long>().ToArray().Zip(best.cpu().to(ScalarType.Float64).data<double>().ToArray(), (row, score) => new Hit((int)row, score))];
    }
}
