namespace Contrastive.Benchmarks.Cases;

/// <summary>Makes the inputs of a step of (batch, dim) and says what it computes with them.</summary>
public delegate BatchStep StepFactory(long batch, long dim);

/// <summary>What is measured: this library's way, and what it is compared with, on the same inputs.</summary>
/// <param name="Name">Unique, as in the result file and on the command line.</param>
/// <param name="Batch">Rows of each feature matrix.</param>
/// <param name="Dim">Features of a row.</param>
/// <param name="Ours">The library's.</param>
/// <param name="Plain">The peers' formulation; null where there is none.</param>
/// <param name="HasFloor">Whether three matrix products are the least that any form must do.</param>
/// <param name="ComparedUpTo">The largest batch at which the others are run at all; beyond it only the library's form.</param>
public sealed record StepCase(
    string Name, long Batch, long Dim, StepFactory Ours, StepFactory? Plain = null, bool HasFloor = true,
    long ComparedUpTo = StepCase.LargestCompared)
{
    /// <summary>What <see cref="ComparedUpTo"/> is of losses.</summary>
    public const long LargestCompared = 8192;

    /// <summary>Whether the others are run at this size.</summary>
    public bool IsCompared => Batch <= ComparedUpTo;

    /// <summary>The forms that are run at this size, in the order of a round.</summary>
    public IEnumerable<StepForm> Forms => Enum.GetValues<StepForm>().Where(form => Has(form) && (form == StepForm.Ours || IsCompared));

    public bool Has(StepForm form) => form switch
    {
        StepForm.Ours => true,
        StepForm.Plain => Plain is not null,
        _ => HasFloor,
    };

    /// <summary>The inputs and the computation of one form.</summary>
    public BatchStep Make(StepForm form)
    {
        if (!Has(form)) throw new ArgumentException($"{Name} has no form {form}", nameof(form));
        var factory = form switch
        {
            StepForm.Ours => Ours,
            StepForm.Plain => Plain!,
            StepForm.Floor => MatrixProducts.Make,
            _ => MatrixProducts.MakeInPlace,
        };
        return factory(Batch, Dim);
    }

    /// <summary>The same code on a batch of a moment.</summary>
    public StepCase Quick() => this with { Batch = Math.Min(Batch, 256), Dim = Math.Min(Dim, 32) };

    public override string ToString() => $"{Name}, B = {Batch}, D = {Dim}";
}

/// <summary>Ways to compute one thing.</summary>
public enum StepForm
{
    /// <summary>Matrix products alone, as anybody writes them.</summary>
    Floor,

    /// <summary>The same into memory that is there already.</summary>
    FloorInPlace,

    /// <summary>This library's.</summary>
    Ours,

    /// <summary>The peers' formulation.</summary>
    Plain,
}
