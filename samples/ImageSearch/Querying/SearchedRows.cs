using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Querying;

/// <summary>An answer: which row, and the cosine of its features with the query's.</summary>
internal readonly record struct Hit(int Row, double Score);

/// <summary>Unit features that are searched: all are compared with a query or, where they are many, those that an index finds near it.</summary>
internal sealed class SearchedRows : IDisposable
{
    private const string Extension = ".usearch";

    private readonly Tensor _features;
    private readonly VectorIndex? _index;

    /// <param name="features">(N, D), unit rows; this object's own from now on.</param>
    /// <param name="index">Of them; null to compare all.</param>
    public SearchedRows(Tensor features, VectorIndex? index)
    {
        (_features, _index) = (features.DetachFromDisposeScope(), index);
    }

    /// <summary>With the index of a folder, which is made if it is not there, and without where this machine cannot have one.</summary>
    /// <param name="features">(N, D), unit rows.</param>
    /// <param name="what">What they are of.</param>
    /// <param name="digest">The same for the same features: an index of others is not taken.</param>
    /// <param name="folder">Where the index is kept.</param>
    /// <param name="console">Told what takes long and what is left out.</param>
    public static SearchedRows WithIndex(Tensor features, string what, string digest, string folder, SampleConsole console)
    {
        try
        {
            return new SearchedRows(features, IndexOf(features, what, digest, folder, console));
        }
        catch (Exception problem) when (problem is DllNotFoundException or BadImageFormatException)
        {
            console.Line($"without an index of the {what}, all are compared: USearch's native library cannot be loaded here ({problem.Message.Split('\n')[0].Trim()})");
            return new SearchedRows(features, null);
        }
    }

    /// <summary>The rows nearest to a query's features, (1, D), the nearest first.</summary>
    public IReadOnlyList<Hit> Nearest(Tensor query, int top)
    {
        using var scope = NewDisposeScope();
        var asked = query.squeeze(0);
        if (_index is null)
            return Best(_features, asked, top, place => (int)place);
        var near = _index.Near(asked.cpu().to(ScalarType.Float32).data<float>().ToArray(), top);
        return Best(_features.index_select(0, tensor(near, device: _features.device)), asked, top, place => (int)near[place]);
    }

    public void Dispose()
    {
        _features.Dispose();
        _index?.Dispose();
    }

    private static IReadOnlyList<Hit> Best(Tensor features, Tensor query, int top, Func<long, int> row)
    {
        var (best, places) = features.matmul(query).topk((int)Math.Min(top, features.shape[0]), dim: 0);
        return [.. places.cpu().data<long>().ToArray().Zip(best.cpu().to(ScalarType.Float64).data<double>().ToArray(), (place, score) => new Hit(row(place), score))];
    }

    private static VectorIndex IndexOf(Tensor features, string what, string digest, string folder, SampleConsole console)
    {
        var (count, dimensions) = ((int)features.shape[0], (int)features.shape[1]);
        var path = Path.Combine(folder, $"{what}-{digest}{Extension}");
        if (File.Exists(path) && VectorIndex.Load(path, count, dimensions) is { } kept)
            return kept;
        VectorIndex? made = null;
        Progress.Run(console, $"indexing {what}", count, progress =>
        {
            progress.Line($"indexing {count} {what}; the index is kept for the next time");
            made = VectorIndex.Build(Vectors(features), added => progress.Advance(added), console.Cancellation);
        });
        try
        {
            made!.Save(path);
            // Of other pictures, or of these as they were.
            foreach (var older in Directory.EnumerateFiles(folder, $"{what}-*{Extension}").Where(file => file != path))
                File.Delete(older);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            console.Line($"the index of the {what} is made anew the next time: {path}: {problem.Message}");
        }

        return made!;
    }

    private static float[][] Vectors(Tensor features)
    {
        using var scope = NewDisposeScope();
        return [.. features.cpu().to(ScalarType.Float32).contiguous().data<float>().ToArray().Chunk((int)features.shape[1])];
    }
}
