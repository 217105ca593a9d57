using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Samples.AlignFeatures.Models;

/// <summary>
/// A linear layer (N, D) to (N, E) whose first weights a generator draws, uniform within ±1/√D as PyTorch's are; its
/// constructor would draw them from the global random state.
/// </summary>
public sealed class DrawnLinear : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;

    public DrawnLinear(long inputs, long outputs, Generator random)
        : base(nameof(DrawnLinear))
    {
        weight = Drawn([outputs, inputs], inputs, random);
        bias = Drawn([outputs], inputs, random);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => F.linear(input, weight, bias);

    private static Parameter Drawn(long[] shape, long fanIn, Generator random)
    {
        var bound = 1 / Math.Sqrt(fanIn);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var parameter = new Parameter(empty(shape).uniform_(-bound, bound, random));
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
