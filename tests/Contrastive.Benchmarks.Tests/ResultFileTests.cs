using System.Text.Json;
using Contrastive.Benchmarks.Reporting;

namespace Contrastive.Benchmarks.Tests;

public sealed class ResultFileTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.json");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void It_has_these_names_and_null_for_what_there_is_not()
    {
        new ResultFile([new("a", 4096, 512, 1.5, 1.25, 3, 120), new("b", 256, 8, 0.5, null, null, null)]).Write(_path);

        File.ReadAllText(_path).Should().Be(
            """{"cases":[{"name":"a","batch":4096,"dim":512,"median_ms":1.5,"floor_ms":1.25,"plain_ms":3,"peak_mb":120},"""
            + """{"name":"b","batch":256,"dim":8,"median_ms":0.5,"floor_ms":null,"plain_ms":null,"peak_mb":null}]}""");
        JsonDocument.Parse(File.ReadAllText(_path)).RootElement.GetProperty("cases").GetArrayLength().Should().Be(2);
    }
}
