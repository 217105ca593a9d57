using System.Security.Cryptography;
using System.Text;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Models;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Querying;

/// <summary>Nearest neighbours among the features of pictures and of captions.</summary>
internal sealed class Search : IDisposable
{
    private readonly SearchedRows _pictures;
    private readonly SearchedRows? _captions;

    /// <param name="model">Whose features.</param>
    /// <param name="collection">What is searched.</param>
    /// <param name="exactUpTo">Of more pictures or captions than this there is an index.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="console">Told what takes long.</param>
    public Search(SavedModel model, PictureCollection collection, int exactUpTo, Device device, SampleConsole console)
    {
        var towers = model.Towers;
        Captions = [.. collection.Pictures.SelectMany(picture => picture.Captions).Distinct()];
        _pictures = Rows("pictures", towers.UnitImages([.. collection.Pictures.Select(picture => picture.Pixels)], device));
        if (Captions.Count > 0)
            _captions = Rows("captions", towers.UnitTexts(Captions, device));

        SearchedRows Rows(string what, Tensor features)
        {
            if (features.shape[0] <= exactUpTo)
                return new SearchedRows(features, null);
            // Features differ in their last digits from one run to the next, what they are made of does not.
            var of = $"{model.Description.Sha256} {collection.Digest()}";
            var digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(of)))[..16];
            return SearchedRows.WithIndex(features, what, digest, model.Folder, console);
        }
    }

    /// <summary>All captions, each once.</summary>
    public IReadOnlyList<string> Captions { get; }

    /// <summary>The pictures nearest to a query's features, (1, D), the nearest first.</summary>
    public IReadOnlyList<Hit> Pictures(Tensor query, int top) => _pictures.Nearest(query, top);

    /// <summary>The captions nearest to it; none where there are none.</summary>
    public IReadOnlyList<Hit> Texts(Tensor query, int top) => _captions?.Nearest(query, top) ?? [];

    public void Dispose()
    {
        _pictures.Dispose();
        _captions?.Dispose();
    }
}
