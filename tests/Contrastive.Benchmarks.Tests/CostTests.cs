using Contrastive.Benchmarks.Cases;
using Contrastive.Benchmarks.Cost;

namespace Contrastive.Benchmarks.Tests;

public class CostTests
{
    [Fact]
    public void Exponents_are_those_of_the_growth()
    {
        var series = new CostSeries(
            CostFamily.All[0],
            [.. new[] { 1024L, 2048, 4096, 8192 }.Select(batch => new CostPoint(batch, 1e-6 * batch * batch, batch < 4096 ? 50 : 0.5 * batch))]);

        series.TimeExponent().Should().BeApproximately(2, 1e-9);
        series.MemoryExponent(from: 4096).Should().BeApproximately(1, 1e-9);
        series.MemoryExponent(from: 8192).Should().Be(double.NaN, "one point has no slope");
    }

    [Fact]
    public void Every_family_is_a_case() => CostFamily.All.Should().OnlyContain(family => CaseList.Named(family.Case) != null);
}
