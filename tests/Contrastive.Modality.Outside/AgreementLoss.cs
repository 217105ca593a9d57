using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Modality.Outside;

/// <summary>A user's loss: scale · mean ‖v - t‖², a contrast that skips, and a count of its steps.</summary>
public sealed class AgreementLoss : ModalityLoss
{
    private readonly InfoNCELoss contrast = new(missingPairs: MissingPairs.Skip);
    private readonly Parameter scale = new(ones([], dtype: ScalarType.Float64));
    private readonly Tensor steps = zeros(1, dtype: ScalarType.Int64);

    public AgreementLoss() => RegisterComponents();

    public long Steps => steps.item<long>();

    protected override FeatureKinds FirstNeeds => FeatureKinds.Augmented;

    protected override ModalityResult Compute(ModalityBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var difference = batch.Unit(batch.First.Shared) - batch.Unit(batch.Second.Shared);
        var result = ModalityResult.Sum(
            new ModalityTerm("distance", 2, scale * difference.mul(difference).sum(dim: 1).mean()),
            ModalityTerm.Of("contrast", 0.5, contrast.Evaluate(batch.First.Shared, batch.First.Augmented!, batch.SampleIds)));
        using var one = 1.ToScalar(); // a temporary one may be freed during the call
        using (no_grad()) steps.add_(one, one);
        return result;
    }
}

/// <summary>One that is asked for what it returns, and remembers what it was given.</summary>
public sealed class ProbeLoss : ModalityLoss
{
    private readonly Func<ModalityBatch, ModalityResult> _compute;

    public ProbeLoss(Func<ModalityBatch, ModalityResult> compute) => _compute = compute;

    public ModalityBatch? Seen { get; private set; }

    public Tensor? UnitOfFirst { get; private set; }

    public long Evaluations { get; private set; }

    protected override ModalityResult Compute(ModalityBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Evaluations++;
        (Seen, UnitOfFirst) = (batch, batch.Unit(batch.First.Shared));
        return _compute(batch);
    }
}
