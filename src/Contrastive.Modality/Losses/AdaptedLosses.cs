using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>A loss of two tensors, of the modalities' shared features.</summary>
internal sealed class CrossModalLoss : ModalityLoss
{
    private readonly nn.Module<Tensor, Tensor, Tensor> _loss;

    public CrossModalLoss(nn.Module<Tensor, Tensor, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        if (loss is Loss<Tensor, Tensor, Tensor> { reduction: nn.Reduction.None })
            throw new ArgumentException("loss must have the reduction Mean or Sum, as a step has one value, but has None", nameof(loss));
        _loss = loss;
        register_module("cross_modal", loss);
    }

    protected internal override ModalityResult Compute(ModalityBatch batch)
    {
        var (first, second) = (batch.First.Shared, batch.Second.Shared);
        return ModalityResult.Sum(_loss is ContrastiveLoss contrast
            ? ModalityTerm.Of("cross_modal", 1, contrast.Evaluate(first, second, batch.SampleIds))
            : new ModalityTerm("cross_modal", 1, _loss.call(first, second)));
    }
}

/// <summary>A loss of one tensor, of each modality's shared features.</summary>
internal sealed class EachModalityLoss : ModalityLoss
{
    private readonly nn.Module<Tensor, Tensor> _loss;

    public EachModalityLoss(nn.Module<Tensor, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        _loss = loss;
        register_module("each", loss);
    }

    protected internal override ModalityResult Compute(ModalityBatch batch) => ModalityResult.Sum(
        new ModalityTerm("first", 0.5, _loss.call(batch.First.Shared)), new ModalityTerm("second", 0.5, _loss.call(batch.Second.Shared)));
}

/// <summary>A function of a step.</summary>
internal sealed class FunctionLoss : ModalityLoss
{
    private readonly Func<ModalityBatch, Tensor> _loss;

    public FunctionLoss(Func<ModalityBatch, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        _loss = loss;
    }

    protected internal override ModalityResult Compute(ModalityBatch batch) => ModalityResult.Sum(new ModalityTerm("value", 1, _loss(batch)));
}
