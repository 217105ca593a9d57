using Contrastive.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>
/// AdamW (I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019), as TorchSharp's, for long runs.
/// </summary>
/// <remarks>
/// TorchSharp 0.107's own optimisers hand temporary scalars to native code, which the garbage collector may free during the
/// call: a run of some ten thousand steps on a busy machine ends with "Unknown scalar type". Here every scalar outlives its
/// call. The moments and the step count are buffers, so a checkpoint holds them as it holds any module.
/// </remarks>
public sealed class SafeAdamW : nn.Module
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;

    private readonly (Parameter Parameter, Tensor Mean, Tensor Square)[] _states;
    private readonly Tensor _steps;
    private readonly double _weightDecay;

    /// <param name="parameters">What is trained, on its device already.</param>
    /// <param name="learningRate">Range: ≥ 0; may be changed between steps.</param>
    /// <param name="weightDecay">Decoupled, times the learning rate. Range: ≥ 0.</param>
    public SafeAdamW(IEnumerable<Parameter> parameters, double learningRate, double weightDecay = 0)
        : base(nameof(SafeAdamW))
    {
        LearningRate = learningRate;
        _weightDecay = weightDecay;
        _steps = zeros(1, ScalarType.Int64).DetachFromDisposeScope();
        _states = [.. parameters.Select(p => (p, zeros_like(p).DetachFromDisposeScope(), zeros_like(p).DetachFromDisposeScope()))];
        register_buffer("steps", _steps);
        foreach (var (i, (_, mean, square)) in _states.Index())
        {
            register_buffer($"mean_{i}", mean);
            register_buffer($"square_{i}", square);
        }
    }

    public double LearningRate { get; set; }

    /// <summary>Forgets the gradients; the next backward pass starts them anew.</summary>
    public override void zero_grad(bool set_to_none = true)
    {
        foreach (var (parameter, _, _) in _states)
        {
            using var gradient = parameter.grad;
            parameter.grad = null;
        }
    }

    /// <summary>One step on the gradients; a parameter without one stays as it is.</summary>
    public void step()
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        _steps.add_(Scalars.OneIndex, Scalars.OneIndex);
        var count = _steps.item<long>();
        using var keepMean = Beta1.ToScalar();
        using var newMean = (1 - Beta1).ToScalar();
        using var keepSquare = Beta2.ToScalar();
        using var newSquare = (1 - Beta2).ToScalar();
        using var epsilon = Epsilon.ToScalar();
        using var squareCorrection = Math.Sqrt(1 - Math.Pow(Beta2, count)).ToScalar();
        using var decay = (1 - LearningRate * _weightDecay).ToScalar();
        using var step = (-LearningRate / (1 - Math.Pow(Beta1, count))).ToScalar();
        foreach (var (parameter, mean, square) in _states)
        {
            if (parameter.grad is not { } gradient)
                continue;
            parameter.mul_(decay);
            mean.mul_(keepMean).add_(gradient, newMean);
            square.mul_(keepSquare).addcmul_(gradient, gradient, newSquare);
            var size = square.sqrt().div_(squareCorrection).add_(epsilon, Scalars.One);
            parameter.addcdiv_(mean, size, step);
        }
    }
}
