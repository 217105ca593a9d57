using Contrastive.Benchmarks.Ranks;
using Contrastive.Distributed;

namespace Contrastive.Benchmarks.Tests;

public class RankTests
{
    [Fact]
    public void Every_exchange_is_measured_and_sends_what_the_model_says()
    {
        var model = new ScalingModel(1, 1, 1, Batch: 64, Dim: 128, 1);
        var figures = ThreadGroup.Run(2, communicator => RankFigures.Measure(communicator, 64, 128, steps: 2))[0];
        figures.Select(entry => entry.Exchange).Should().Equal(Enum.GetValues<Exchange>());
        foreach (var entry in figures)
        {
            entry.ComputeMs.Should().BePositive();
            entry.ExchangeMs.Should().BePositive();
            // Beside the rows go headers and a few sums a row of both directions.
            (entry.Bytes / model.Bytes(entry.Exchange, 2)).Should().BeInRange(1, 1.3, $"{entry.Exchange}");
        }

        using var folder = new TemporaryFolder();
        RankFigures.Write(folder.Path("ranks.json"), figures);
        RankFigures.Read(folder.Path("ranks.json")).Should().Equal(figures);
        new Action(() => RankFigures.Read(folder.File("none.json", "[]"))).Should().Throw<InvalidDataException>();
    }

    /// <summary>b = 256, D = 512: the figures of the specification, in MB.</summary>
    [Fact]
    public void Bytes_are_the_published_ones()
    {
        var model = new ScalingModel(1, 1, 1, 256, 512, 151);
        (model.Bytes(Exchange.Gather, 64) / 1e6).Should().BeApproximately(66, 0.5);
        (model.Bytes(Exchange.Ring, 64) / 1e6).Should().BeApproximately(99, 0.5);
        (model.Bytes(Exchange.Gather, 1024) / 1e6).Should().BeApproximately(1073, 0.5);
        (model.Bytes(Exchange.Ring, 1024) / 1e6).Should().BeApproximately(1609, 0.5);
        // 151 million float32 weights: 1,207 MB of gradients, at 1 GB/s.
        model.GradientMilliseconds(1024).Should().BeApproximately(1207, 1);
    }

    [Fact]
    public void Speeds_are_those_that_were_measured()
    {
        var model = new ScalingModel(1, 1, 5, 256, 512, 1).Calibrated(
        [
            new RankFigures(1, Exchange.Gather, 100, 50, ComputeMs: 4, 0, 0, 0),
            new RankFigures(4, Exchange.Gather, 100, 50, 9, ExchangeMs: 2, 1, Bytes: 1_000_000),
            new RankFigures(4, Exchange.Ring, 100, 50, 9, ExchangeMs: 5, 1, Bytes: 2_000_000),
        ]);
        model.Gigaflops.Should().BeApproximately(8.0 * 100 * 100 * 50 / 4e6, 1e-12);
        model.GigabytesPerSecond.Should().BeApproximately(0.4, 1e-12);
        (model.Batch, model.Dim).Should().Be((256, 512));
        // Four products of 512 x 256 x 256, the bytes, eight messages of 5 µs.
        model.Milliseconds(Exchange.Gather, 2).Should().BeApproximately(
            (8.0 * 2 * 256 * 256 * 512 / (model.Gigaflops * 1e6)) + (2.0 * 256 * 512 * 4 / 0.4e6) + 0.04, 1e-9);
        new Action(() => model.Calibrated([])).Should().Throw<InvalidDataException>();
    }
}
