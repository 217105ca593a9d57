using Contrastive.Distributed;

namespace Contrastive.Benchmarks.Ranks;

/// <summary>
/// The time of a step's loss on K ranks: products over the speed of a rank, bytes over that of the network, and a latency for each message. Nothing
/// overlaps, and no rank waits for another.
/// </summary>
/// <param name="Gigaflops">10⁹ operations a second, of one rank in such products.</param>
/// <param name="GigabytesPerSecond">What a rank sends in a second.</param>
/// <param name="LatencyMicroseconds">What a message takes beside its bytes.</param>
/// <param name="Batch">b, the rows of a rank.</param>
/// <param name="Dim">D.</param>
/// <param name="MillionWeights">Those of the encoders, whose gradients are summed whatever the exchange; float32.</param>
internal sealed record ScalingModel(
    double Gigaflops, double GigabytesPerSecond, double LatencyMicroseconds, long Batch, long Dim, double MillionWeights)
{
    /// <summary>The bytes that a rank sends in a step of the loss.</summary>
    public double Bytes(Exchange exchange, int ranks) => (ranks - 1.0) * Batch * exchange switch
    {
        Exchange.Gather or Exchange.Whole => 2 * Dim * 4,
        Exchange.Ring => 3 * Dim * 4,
        // An id, an estimate and a count for each row, in the table of either direction.
        _ => 2 * (8 + 4 + 8),
    };

    /// <summary>Operations of a rank: similarities twice (for the sums, for the gradients) and two products of gradients; three products where nothing is divided.</summary>
    public double Operations(Exchange exchange, int ranks) => 2.0 * Batch * Dim * Batch * exchange switch
    {
        Exchange.Local => 3,
        Exchange.Whole => 3.0 * ranks * ranks,
        _ => 4.0 * ranks,
    };

    /// <summary>
    /// Messages one after the other: turns of a ring, of rows and of what goes with them, twice, each after a word about sizes; or the rounds of a few
    /// collective operations.
    /// </summary>
    public static double Messages(Exchange exchange, int ranks) => ranks == 1 ? 0 : exchange switch
    {
        Exchange.Ring => 4 * (ranks - 1) * (1 + Math.Ceiling(Math.Log2(ranks))),
        Exchange.Local => 4 * Math.Ceiling(Math.Log2(ranks)),
        _ => 8 * Math.Ceiling(Math.Log2(ranks)),
    };

    /// <summary>Milliseconds per step.</summary>
    public double Milliseconds(Exchange exchange, int ranks)
        => (Operations(exchange, ranks) / (Gigaflops * 1e6)) + (Bytes(exchange, ranks) / (GigabytesPerSecond * 1e6)) + (Messages(exchange, ranks) * LatencyMicroseconds / 1000);

    /// <summary>Milliseconds for the sum of the encoders' gradients.</summary>
    public double GradientMilliseconds(int ranks)
        => (2 * (ranks - 1.0) / ranks * MillionWeights * 4 / GigabytesPerSecond) + (ranks == 1 ? 0 : 2 * Math.Ceiling(Math.Log2(ranks)) * LatencyMicroseconds / 1000);

    /// <summary>The model with the speeds that were measured: of the products on one rank, of the network in the exchange that sends most.</summary>
    /// <exception cref="InvalidDataException">The figures are not of one rank and of several.</exception>
    public ScalingModel Calibrated(IReadOnlyList<RankFigures> figures)
    {
        var alone = figures.FirstOrDefault(entry => entry is { Ranks: 1, Exchange: Exchange.Gather })
            ?? throw new InvalidDataException("there is no figure of one rank: run `ranks` without mpirun too");
        var sent = figures.Where(entry => entry.Ranks > 1 && entry.ExchangeMs > 0).OrderByDescending(entry => entry.Bytes).FirstOrDefault()
            ?? throw new InvalidDataException("there is no figure of several ranks: run `ranks` under mpirun too");
        var measured = this with { Batch = alone.Batch, Dim = alone.Dim };
        return this with
        {
            Gigaflops = measured.Operations(Exchange.Gather, 1) / (alone.ComputeMs * 1e6),
            GigabytesPerSecond = sent.Bytes / (sent.ExchangeMs * 1e6),
        };
    }
}
