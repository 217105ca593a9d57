namespace Contrastive.Benchmarks.Cases;

/// <summary>Makes the inputs of a step of (batch, dim) and says what it computes with them.</summary>
public delegate BatchStep StepFactory(long batch, long dim);

/// <summary>What is measured: this library's way, and what it is compared with, on the same inputs.</summary>
/// <param name="Name">Unique, as in the result file and on the command line.</param>
/// <param name="Title">As in the tables.</param>
/// <param name="Batch">Rows of each feature matrix.</param>
/// <param name="Dim">Features of a row.</param>
/// <param name="Ours">The library's.</param>
/// <param name="Floor">The matrix products that no form can do without; null where there is no such bound.</param>
/// <param name="Plain">The peers' formulation.</param>
public sealed record StepCase(
    string Name, string Title, long Batch, long Dim, StepFactory Ours, StepFactory? Floor = null, StepFactory? Plain = null)
{
    /// <summary>The largest batch at which the others are run at all; beyond it only the library's form.</summary>
    private const long LargestCompared = 8192;

    /// <summary>The forms that are run at this size, in the order of a round.</summary>
    public IEnumerable<(StepForm Form, StepFactory Factory)> Forms
    {
        get
        {
            if (Floor is not null && Batch <= LargestCompared) yield return (StepForm.Floor, Floor);
            yield return (StepForm.Ours, Ours);
            if (Plain is not null && Batch <= LargestCompared) yield return (StepForm.Plain, Plain);
        }
    }

    /// <summary>The inputs and the computation of one form.</summary>
    public BatchStep Make(StepForm form) => Forms.Single(candidate => candidate.Form == form).Factory(Batch, Dim);

    /// <summary>The same code on a batch of a moment.</summary>
    public StepCase Quick() => this with { Batch = Math.Min(Batch, 256), Dim = Math.Min(Dim, 32) };

    public override string ToString() => Name;
}

/// <summary>Ways to compute one thing.</summary>
public enum StepForm
{
    Floor,
    Ours,
    Plain,
}
