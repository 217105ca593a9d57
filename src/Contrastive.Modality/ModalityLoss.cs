using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>A loss of two modalities' features.</summary>
public abstract class ModalityLoss : Loss<ModalityFeatures, ModalityFeatures, Tensor>
{
    private protected ModalityLoss()
    {
    }

    /// <summary>The loss of a step, with its terms.</summary>
    /// <param name="first">The features of the first modality, V.</param>
    /// <param name="second">The features of the second modality, T.</param>
    /// <param name="sampleIds">(N) integers, the index of the sample that row i is; for losses that can use it.</param>
    /// <returns>The total and the named terms it is made of.</returns>
    /// <exception cref="ArgumentException">
    /// Features that the loss needs are missing, or the tensors do not fit together; the message says which.
    /// </exception>
    public ModalityResult Evaluate(ModalityFeatures first, ModalityFeatures second, Tensor? sampleIds = null)
    {
        ModalityFeatures.Check(first, second);
        Require(first, second);
        using var scope = NewDisposeScope();
        var sum = new WeightedSum();
        Compute(first, second, sampleIds, sum);
        return sum.ToResult().MoveToOuterDisposeScope();
    }

    /// <summary>The total loss of a step, a scalar.</summary>
    /// <param name="first">The features of the first modality, V.</param>
    /// <param name="second">The features of the second modality, T.</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="ArgumentException">
    /// Features that the loss needs are missing, or the tensors do not fit together; the message says which.
    /// </exception>
    public override Tensor forward(ModalityFeatures first, ModalityFeatures second) => forward(first, second, null);

    /// <summary>The total loss of a step, a scalar.</summary>
    /// <inheritdoc cref="Evaluate" path="/param"/>
    /// <returns>A scalar.</returns>
    /// <exception cref="ArgumentException">
    /// Features that the loss needs are missing, or the tensors do not fit together; the message says which.
    /// </exception>
    public Tensor forward(ModalityFeatures first, ModalityFeatures second, Tensor? sampleIds)
    {
        var result = Evaluate(first, second, sampleIds);
        foreach (var term in result.Terms) term.Value.Dispose();
        return result.Loss;
    }

    /// <summary>Nothing: the constructor registers all there is. TorchSharp would register every field again, under its own name.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <summary>Whether a step changes state, so that it must come after whatever else may fail.</summary>
    internal virtual bool KeepsState => false;

    /// <summary>Refuses a step that lacks what the loss needs, before anything is computed or changed.</summary>
    internal abstract void Require(ModalityFeatures first, ModalityFeatures second);

    /// <summary>Adds the loss's terms, given checked features, in the dispose scope of the caller.</summary>
    internal abstract void Compute(ModalityFeatures first, ModalityFeatures second, Tensor? sampleIds, WeightedSum sum);
}
