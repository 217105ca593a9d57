using Contrastive.Samples.ImageSearch.Querying;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ImageSearch;

public sealed class VectorIndexTests : IDisposable
{
    private const int Count = 3000;
    private const int Dimensions = 48;
    private const int Top = 10;

    private readonly TorchSharp.DisposeScope _scope = NewDisposeScope();
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Nearly_all_of_the_nearest_are_found_and_ranked_as_by_the_exact_search_also_by_an_index_that_was_saved()
    {
        var (rows, queries) = (Unit(Count, 1), Unit(50, 2));
        using var exact = new SearchedRows(rows.clone(), null);
        var path = Path.Combine(_folder.Root, "a.usearch");
        var built = VectorIndex.Build(Vectors(rows), _ => { }, CancellationToken.None);
        built.Save(path);
        using var made = new SearchedRows(rows.clone(), built);
        using var loaded = new SearchedRows(rows.clone(), VectorIndex.Load(path, Count, Dimensions));

        foreach (var indexed in new[] { made, loaded })
        {
            var found = 0;
            for (var i = 0; i < queries.shape[0]; i++)
            {
                var query = queries[i].unsqueeze(0);
                var (expected, hits) = (exact.Nearest(query, Top), indexed.Nearest(query, Top));
                hits.Select(hit => hit.Score).Should().BeInDescendingOrder().And.HaveCount(Top);
                found += hits.Select(hit => hit.Row).Intersect(expected.Select(hit => hit.Row)).Count();
                hits[0].Score.Should().BeApproximately(queries[i].dot(rows[hits[0].Row]).item<float>(), 1e-6);
            }

            (found / (50.0 * Top)).Should().BeGreaterThan(0.97);
        }

        Directory.GetFiles(_folder.Root).Should().Equal([path], "what is unfinished goes");
    }

    [Fact]
    public void An_index_that_is_damaged_or_of_other_rows_is_not_taken()
    {
        var path = Path.Combine(_folder.Root, "a.usearch");
        using (var built = VectorIndex.Build(Vectors(Unit(20, 1)), _ => { }, CancellationToken.None))
            built.Save(path);

        VectorIndex.Load(path, 21, Dimensions).Should().BeNull();
        VectorIndex.Load(path, 20, Dimensions + 1).Should().BeNull();
        var content = File.ReadAllBytes(path);
        foreach (var damaged in new[] { [], [1, 2, 3], content[..(content.Length / 2)] })
        {
            File.WriteAllBytes(path, damaged);
            VectorIndex.Load(path, 20, Dimensions).Should().BeNull($"{damaged.Length} bytes of {content.Length} are there");
        }
    }

    [Fact]
    public void More_answers_than_there_are_rows_are_all_rows()
    {
        var rows = Unit(5, 1);
        using var indexed = new SearchedRows(rows.clone(), VectorIndex.Build(Vectors(rows), _ => { }, CancellationToken.None));

        indexed.Nearest(rows[3].unsqueeze(0), 12).Select(hit => hit.Row).Should().HaveCount(5).And.OnlyHaveUniqueItems().And.StartWith(3);
    }

    [Fact]
    public void Making_an_index_can_be_stopped()
        => new Action(() => VectorIndex.Build(Vectors(Unit(5, 1)), _ => { }, new CancellationToken(canceled: true))).Should().Throw<OperationCanceledException>();

    private static Tensor Unit(long rows, ulong seed)
    {
        using var random = new Generator(seed);
        return nn.functional.normalize(randn(rows, Dimensions, generator: random), dim: 1);
    }

    private static float[][] Vectors(Tensor rows) => [.. rows.data<float>().ToArray().Chunk(Dimensions)];
}
