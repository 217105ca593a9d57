using Contrastive.Training;

namespace Contrastive.Samples;

/// <summary>
/// The loop around a sample's training steps: progress, checkpoints now and then, an end after the step in progress when
/// Ctrl-C or SIGTERM asks for one, and a clear one when the objective is no longer finite.
/// </summary>
/// <remarks>
/// A sample writes a class with <see cref="ITrainingRun"/>, or with the steps of <see cref="TwoTowerRun{TTowers}"/>. Then:
/// <code>
/// using var run = new MyRun(settings, Devices.Of(settings.Device));
/// if (resume is not null)
///     CheckpointFile.Open(resume).Restore(run.Parts);
/// Progress.Run(console, "training", run.Steps, progress =>
///     new TrainingLoop(progress, CheckpointOption.Parse("--checkpoint-every", "30s"), console.Cancellation)
///         .Run(run, save: () => CheckpointFile.Save(path, header, run.Parts)));
/// </code>
/// The loop saves when it is stopped, when the interval is over and after the last step: whatever ends the program while it
/// measures what was trained, nothing is trained twice. What a finished run leaves is the sample's affair.
/// </remarks>
/// <param name="progress">Counts the steps; those a restored run has done already are skipped.</param>
/// <param name="interval">When checkpoints are due.</param>
/// <param name="stop">Asks for an end after the step in progress: <see cref="SampleConsole.Cancellation"/>.</param>
/// <param name="afterStep">A look at every step, for tests.</param>
/// <param name="stepShare">How much of the progress a step is; less than 1 where runs of several lengths count alike.</param>
public sealed class TrainingLoop(Progress progress, CheckpointInterval interval, CancellationToken stop, Action? afterStep = null, double stepShare = 1)
{
    /// <summary>Runs what is left of a run.</summary>
    /// <param name="save">Writes its checkpoint; called between steps only.</param>
    /// <exception cref="OperationCanceledException">Stopped; the checkpoint holds everything up to and with the last step.</exception>
    /// <exception cref="UserError">The objective is no longer finite. The last checkpoint is from before.</exception>
    public void Run(ITrainingRun run, Action save)
    {
        NativeHeap.KeepFreedMemory();
        progress.Skip(run.StepsDone * stepShare);
        if (run.StepsDone > 0)
            progress.Line($"{run.Name}: goes on after step {run.StepsDone} of {run.Steps}");
        // Asked before the first step: nothing has changed that a checkpoint would have to hold.
        stop.ThrowIfCancellationRequested();
        while (run.StepsDone < run.Steps)
        {
            var terms = Step(run);
            progress.Advance(stepShare, run.Name, run.BatchSize, terms);
            afterStep?.Invoke();

            if (!interval.IsDueAfterStep() && !stop.IsCancellationRequested && run.StepsDone < run.Steps)
                continue;
            save();
            interval.Restart();
            // Asked again: a signal may have come while the checkpoint was written.
            if (stop.IsCancellationRequested)
            {
                progress.Line($"stopped after step {run.StepsDone} of {run.Steps}");
                throw new OperationCanceledException(stop);
            }
        }
    }

    private static IReadOnlyList<LossTerm> Step(ITrainingRun run)
    {
        try
        {
            var terms = run.TakeStep();
            foreach (var term in terms) FiniteGuard.Check(term.Value, term.Name);
            // The step's objective may be finite, but not what its update left.
            run.AfterStep();
            return terms;
        }
        catch (NotFiniteNumberException problem)
        {
            throw new UserError($"{run.Name}: {problem.Message} after step {run.StepsDone} of {run.Steps}: a smaller --learning-rate or a larger --temperature may help", problem);
        }
    }
}

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
    /// <exception cref="NotFiniteNumberException">Their features are not finite.</exception>
    void AfterStep()
    {
    }
}

/// <summary>A figure of one training step: the objective, or a part of it.</summary>
public readonly record struct LossTerm(string Name, double Value)
{
    /// <summary>The name of the contrast between the modalities.</summary>
    public const string Objective = "objective";

    public override string ToString() => $"{Name} {Value:G4}";
}
