using Contrastive.Benchmarks.Cases;

namespace Contrastive.Benchmarks.Timing;

/// <summary>How often a step is run. The forms of a case take turns, one round after the other.</summary>
/// <param name="Rounds">How many turns each form has.</param>
/// <param name="WarmUp">Iterations before those that count, in each round.</param>
/// <param name="Iterations">Iterations that count, in each round.</param>
/// <param name="Invocations">Runs of an iteration, whose mean is one measurement: more for steps of a millisecond.</param>
internal sealed record Pace(int Rounds, int WarmUp, int Iterations, int Invocations = 1)
{
    public static Pace Of(StepCase step, bool quick) => (step.Batch, quick) switch
    {
        (_, true) => new Pace(Rounds: 2, WarmUp: 1, Iterations: 2),
        ( <= 1024, _) => new Pace(Rounds: 15, WarmUp: 2, Iterations: 3, Invocations: 20),
        ( <= 8192, _) => new Pace(Rounds: 7, WarmUp: 1, Iterations: 2),
        ( <= 16384, _) => new Pace(Rounds: 1, WarmUp: 1, Iterations: 3),
        // Seconds to a minute a step, and another form that takes turns.
        ( <= 32768, _) when step.IsCompared => new Pace(Rounds: 3, WarmUp: 0, Iterations: 1),
        // Half a minute a step and more, and nothing to compare with.
        ( <= 32768, _) => new Pace(Rounds: 1, WarmUp: 0, Iterations: 3),
        _ => new Pace(Rounds: 1, WarmUp: 0, Iterations: 1),
    };

    public int Measurements => Rounds * Iterations;
}
