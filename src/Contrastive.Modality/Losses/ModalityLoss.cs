using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>A loss of two modalities' features, made of named terms. Derive from it, or make one of another loss with <c>Of</c>.</summary>
/// <remarks>
/// A derived class says in <see cref="FirstNeeds"/> and <see cref="SecondNeeds"/> which features it needs and computes its terms in
/// <see cref="Compute"/>. Submodules, parameters and state are registered as in any module. One that changes state does so last, when
/// nothing can fail any more.
/// </remarks>
/// <example>
/// <code>
/// sealed class AgreementLoss : ModalityLoss
/// {
///     protected override ModalityResult Compute(ModalityBatch batch)
///     {
///         var difference = batch.Unit(batch.First.Shared) - batch.Unit(batch.Second.Shared);
///         return ModalityResult.Sum(new ModalityTerm("distance", 1, difference.pow(2).sum(dim: 1).mean()));
///     }
/// }
/// </code>
/// </example>
public abstract class ModalityLoss : Loss<ModalityFeatures, ModalityFeatures, Tensor>
{
    /// <summary>For derived classes.</summary>
    protected ModalityLoss()
    {
    }

    /// <summary>The features that are needed of the first modality beside the shared ones.</summary>
    protected virtual FeatureKinds FirstNeeds => FeatureKinds.None;

    /// <summary>The features that are needed of the second modality beside the shared ones.</summary>
    protected virtual FeatureKinds SecondNeeds => FeatureKinds.None;

    /// <summary>The terms of a step and their sum. It runs in a dispose scope of the step's, which frees what else it makes.</summary>
    /// <param name="batch">Features that were checked: those needed are there, and all fit together.</param>
    /// <returns>As a rule <see cref="ModalityResult.Sum"/> of the terms.</returns>
    protected internal abstract ModalityResult Compute(ModalityBatch batch);

    /// <summary>The loss of a step, with its terms.</summary>
    /// <param name="first">The features of the first modality, V.</param>
    /// <param name="second">The features of the second modality, T.</param>
    /// <param name="sampleIds">(N) integers, the index of the sample that row i is; for losses that can use it.</param>
    /// <returns>The total and the named terms it is made of.</returns>
    /// <exception cref="ArgumentException">
    /// Features that the loss needs are missing, or the tensors do not fit together; the message says which.
    /// </exception>
    public ModalityResult Evaluate(ModalityFeatures first, ModalityFeatures second, Tensor? sampleIds = null)
        => Run(first, second, sampleIds, wantsTerms: true);

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
        var result = Run(first, second, sampleIds, wantsTerms: false);
        foreach (var term in result.Terms) term.Value.Dispose();
        return result.Loss;
    }

    /// <summary>A loss between the modalities' shared features.</summary>
    /// <param name="loss">
    /// One that gives a scalar: an <see cref="InfoNCELoss"/>, which is given the sample ids as well, or any module of two tensors. It is a
    /// child of the result.
    /// </param>
    /// <returns>A loss of the one term <c>cross_modal</c>.</returns>
    /// <exception cref="ArgumentException">The loss gives a value for each anchor.</exception>
    public static ModalityLoss Of(nn.Module<Tensor, Tensor, Tensor> loss) => new CrossModalLoss(loss);

    /// <summary>A loss of each modality's shared features, such as <see cref="UniformityLoss"/>: the mean of both.</summary>
    /// <param name="loss">One that gives a scalar. It is a child of the result.</param>
    /// <returns>A loss of the terms <c>first</c> and <c>second</c>, each of weight ½.</returns>
    public static ModalityLoss Of(nn.Module<Tensor, Tensor> loss) => new EachModalityLoss(loss);

    /// <summary>A function as a loss.</summary>
    /// <param name="loss">From the features of a step to a scalar.</param>
    /// <returns>A loss of the one term <c>value</c>.</returns>
    public static ModalityLoss Of(Func<ModalityBatch, Tensor> loss) => new FunctionLoss(loss);

    /// <inheritdoc cref="Of(nn.Module{Tensor, Tensor, Tensor})"/>
    public static implicit operator ModalityLoss(nn.Module<Tensor, Tensor, Tensor> loss) => Of(loss);

    /// <inheritdoc cref="Of(nn.Module{Tensor, Tensor})"/>
    public static implicit operator ModalityLoss(nn.Module<Tensor, Tensor> loss) => Of(loss);

    /// <summary>TorchSharp's own, for classes of other libraries: the constructors of those here register all there is, under names of their own.</summary>
    protected override void RegisterComponents()
    {
        if (GetType().Assembly != typeof(ModalityLoss).Assembly) base.RegisterComponents();
    }

    /// <summary>Refuses a step that lacks what the loss needs, before anything is computed or changed.</summary>
    internal virtual void Require(ModalityFeatures first, ModalityFeatures second)
    {
        first.Require(FirstNeeds, GetType().Name, nameof(first));
        second.Require(SecondNeeds, GetType().Name, nameof(second));
    }

    private ModalityResult Run(ModalityFeatures first, ModalityFeatures second, Tensor? sampleIds, bool wantsTerms)
    {
        ModalityFeatures.Check(first, second, sampleIds);
        Require(first, second);
        using var scope = NewDisposeScope();
        return Compute(new ModalityBatch(first, second, sampleIds, scope, wantsTerms)).MoveToOuterDisposeScope();
    }
}
