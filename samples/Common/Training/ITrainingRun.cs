namespace Contrastive.Samples;

/// <summary>
/// A training run as <see cref="TrainingLoop"/> sees it. All of its state that changes is in its checkpoint, the number of
/// steps done and the place in the epoch included, so it can be stopped after any step.
/// </summary>
public interface ITrainingRun
{
    /// <summary>What progress and errors call it.</summary>
    string Name { get; }

    /// <summary>How many steps it takes from its beginning to its end.</summary>
    long Steps { get; }

    /// <summary>How many of them are done; not 0 when it goes on from a checkpoint.</summary>
    long StepsDone { get; }

    /// <summary>How many samples a step takes.</summary>
    long BatchSize { get; }

    /// <summary>Takes one step of the optimiser and gives its figures, the objective first.</summary>
    IReadOnlyList<LossTerm> TakeStep();

    /// <summary>What belongs to a step once its figures are known to be finite, such as a look at held-out items after an epoch.</summary>
    void AfterStep()
    {
    }
}
