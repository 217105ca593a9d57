using System.Text.Json;
using Contrastive.Benchmarks.Memory;
using Contrastive.Benchmarks.Reporting;

namespace Contrastive.Benchmarks.Tests;

public class MemoryTests
{
    [Fact]
    public void Quadratic_growth_goes_through_both_batches()
    {
        static double Value(double batch) => (3e-6 * batch * batch) + (0.25 * batch);

        QuadraticGrowth.Through((4096, Value(4096)), (8192, Value(8192))).At(32768).Should().BeApproximately(Value(32768), 1e-6);
    }

    [Fact]
    public void A_probe_counts_what_a_step_holds()
    {
        using var output = new StringWriter();

        BenchmarkProgram.Run(["probe", "gamma", "1024", "8", "--form", "Plain", "--threads", "1"], output, TextWriter.Null).Should().Be(0);

        var found = JsonSerializer.Deserialize<ProbeResult>(output.ToString(), ResultFile.Json)!;
        found.StepMs.Should().HaveCount(30).And.OnlyContain(time => time > 0);
        // Logits, their log-softmax and its gradient, of 1024 x 1024 floats each; where the peak cannot be reset it may hide them.
        if (found.PeakWasReset) found.FirstPeakMb.Should().BeInRange(2 * 4.19, 6 * 4.19);
        // Later steps find the memory of earlier ones in use or free; all of them together hold no more than two.
        found.PeakMb.Should().BeInRange(found.FirstPeakMb, 12 * 4.19);
    }
}
