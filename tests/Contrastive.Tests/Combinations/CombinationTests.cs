using System.Globalization;

namespace Contrastive.Tests.Combinations;

/// <summary>
/// Everything that can be set, in combination, over several steps with other features each time, against the losses as their
/// formulas read. A failure prints the draw and its seed: set CsCheck_Seed to it to see that draw again. Set
/// CONTRASTIVE_DRAWS to a number of draws to run more than the usual ones, and CONTRASTIVE_SEED to a number for others.
/// </summary>
public class CombinationTests
{
    [Fact]
    public void InfoNCE() => Check(200, CombinedLoss.InfoNCE);

    [Fact]
    public void Gamma_with_the_batch_alone() => Check(100, CombinedLoss.Batch);

    [Fact]
    public void Gamma_with_a_table() => Check(200, CombinedLoss.Table);

    [Fact]
    public void Gamma_with_a_queue() => Check(200, CombinedLoss.Queue);

    private static void Check(int draws, CombinedLoss loss) => Combination.Any(loss).Check(CombinationRun.Check, Draws(draws));

    internal static int Draws(int usual)
        => Environment.GetEnvironmentVariable("CONTRASTIVE_DRAWS") is { } more ? int.Parse(more, CultureInfo.InvariantCulture) : usual;
}
