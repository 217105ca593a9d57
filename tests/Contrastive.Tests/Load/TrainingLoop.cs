using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Tests.Load;

/// <summary>A small training run: two linear towers, a loss in tiles with a learned temperature, plain gradient steps.</summary>
internal sealed class TrainingLoop : IDisposable
{
    public const int Samples = 60;
    private const int Batch = 12;

    private readonly Tensor _left = Draw.Normal(1, Samples, 5);
    private readonly Tensor _right = Draw.Normal(2, Samples, 4);
    private readonly Parameter _leftWeights = new(Draw.Normal(3, 5, 6));
    private readonly Parameter _rightWeights = new(Draw.Normal(4, 4, 6));
    private readonly Generator _order = new(5);
    private readonly Generator _draws = new(6);
    private readonly ContrastiveLoss _loss;

    public TrainingLoop(bool gamma)
    {
        _loss = gamma
            ? new GammaContrastiveLoss(
                new PartitionTable(Samples, dtype: ScalarType.Float64), Temperature.Learned(), ContrastMode.Symmetric,
                eStep: EStep.Sampled, generator: _draws)
            {
                Tiling = AnyTiling.Tiles(8, 8),
            }
            : new InfoNCELoss(Temperature.Learned(), ContrastMode.Symmetric) { Tiling = AnyTiling.Tiles(8, 8, budget: 1500) };
    }

    public void Steps(int count)
    {
        using var rate = (-0.05).ToScalar();
        for (var i = 0; i < count; i++)
        {
            using var scope = NewDisposeScope();
            var ids = randperm(Samples, dtype: ScalarType.Int64, generator: _order)[..Batch];
            var a = _left.index_select(0, ids).matmul(_leftWeights);
            var b = _right.index_select(0, ids).matmul(_rightWeights);
            _loss.forward(a, b, ids).backward();
            using var constant = no_grad();
            foreach (var parameter in Parameters)
            {
                parameter.add_(parameter.grad!, alpha: rate);
                parameter.grad = null;
            }
        }
    }

    /// <summary>All that the steps change.</summary>
    public double[] State() => [.. Parameters.SelectMany(p => p.detach().to(ScalarType.Float64).data<double>().ToArray())];

    public void Dispose()
    {
        _loss.Temperature.Dispose();
        _loss.Dispose();
        foreach (var tensor in new[] { _left, _right, _leftWeights, _rightWeights }) tensor.Dispose();
        _order.Dispose();
        _draws.Dispose();
    }

    private IEnumerable<Parameter> Parameters => _loss.Temperature.parameters().Prepend(_leftWeights).Append(_rightWeights);
}
