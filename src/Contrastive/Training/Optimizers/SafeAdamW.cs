using Contrastive.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// AdamW (I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019), as TorchSharp's, for long runs.
/// </summary>
/// <remarks>
/// TorchSharp 0.107's own optimisers hand temporary scalars to native code, which the garbage collector may free during the
/// call: a run of some ten thousand steps on a busy machine ends with "Unknown scalar type". Here every scalar outlives its
/// call. The moments and the step count are buffers, so a checkpoint holds them as it holds any module:
/// <c>parts.Module("optimizer", optimizer)</c>. Parameters that want another rate or no decay get an optimiser of their own.
/// </remarks>
public sealed class SafeAdamW : nn.Module
{
    private readonly (Parameter Parameter, Tensor Mean, Tensor Square)[] _states;
    private readonly Tensor _steps;
    private double _learningRate;

    /// <summary>Creates an optimiser; the moments are on the devices and in the dtypes of the parameters.</summary>
    /// <param name="parameters">What is trained, on its device already, each once.</param>
    /// <param name="learningRate">Range: ≥ 0; may be changed between steps.</param>
    /// <param name="weightDecay">Decoupled, times the learning rate. Range: ≥ 0.</param>
    /// <param name="beta1">How much of the mean of the gradients is kept. Range: 0 ≤ β₁ &lt; 1.</param>
    /// <param name="beta2">How much of the mean of their squares is kept. Range: 0 ≤ β₂ &lt; 1.</param>
    /// <param name="epsilon">Added to the root of the mean square. Range: > 0.</param>
    /// <exception cref="ArgumentException">A value is out of range, there are no parameters, or one is there twice.</exception>
    public SafeAdamW(
        IEnumerable<Parameter> parameters,
        double learningRate,
        double weightDecay = 0,
        double beta1 = 0.9,
        double beta2 = 0.999,
        double epsilon = 1e-8)
        : base(nameof(SafeAdamW))
    {
        ArgumentNullException.ThrowIfNull(parameters);
        LearningRate = learningRate;
        WeightDecay = Guard.Weight(weightDecay);
        Beta1 = Kept(beta1, nameof(beta1));
        Beta2 = Kept(beta2, nameof(beta2));
        Epsilon = Guard.Positive(epsilon);
        Parameter[] trained = [.. parameters];
        if (trained.Length == 0)
            throw new ArgumentException("parameters are empty: there is nothing to train", nameof(parameters));
        foreach (var (i, parameter) in trained.Index())
        {
            Guard.Floating(parameter, $"parameters[{i}]");
            var first = Array.FindIndex(trained, other => ReferenceEquals(other, parameter));
            if (first != i)
                throw new ArgumentException($"parameters[{i}] is parameters[{first}] again: it would be moved twice a step", nameof(parameters));
        }

        _steps = zeros(1, ScalarType.Int64).DetachFromDisposeScope();
        _states = [.. trained.Select(p => (p, zeros_like(p).DetachFromDisposeScope(), zeros_like(p).DetachFromDisposeScope()))];
        register_buffer("steps", _steps);
        foreach (var (i, (_, mean, square)) in _states.Index())
        {
            register_buffer($"mean_{i}", mean);
            register_buffer($"square_{i}", square);
        }
    }

    /// <summary>The learning rate of the next step. Range: ≥ 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rate is negative or not finite.</exception>
    public double LearningRate
    {
        get => _learningRate;
        set => _learningRate = Guard.Weight(value, nameof(LearningRate));
    }

    /// <summary>The decay, times the learning rate.</summary>
    public double WeightDecay { get; }

    /// <summary>β₁.</summary>
    public double Beta1 { get; }

    /// <summary>β₂.</summary>
    public double Beta2 { get; }

    /// <summary>ε.</summary>
    public double Epsilon { get; }

    /// <summary>Forgets the gradients; the next backward pass starts them anew.</summary>
    /// <param name="set_to_none">Ignored: gradients are always let go, which frees their memory.</param>
    /// <exception cref="InvalidOperationException">A parameter was moved or converted after the optimiser was made.</exception>
    public override void zero_grad(bool set_to_none = true)
    {
        CheckInPlace();
        foreach (var (parameter, _, _) in _states)
        {
            using var gradient = parameter.grad;
            parameter.grad = null;
        }
    }

    /// <summary>One step on the gradients; a parameter without one stays as it is.</summary>
    /// <exception cref="InvalidOperationException">A parameter was moved or converted after the optimiser was made.</exception>
    public void step()
    {
        CheckInPlace();
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
        using var decay = (1 - LearningRate * WeightDecay).ToScalar();
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

    /// <summary>Nothing: the constructor registers all there is. TorchSharp would register every field again, under its own name.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <summary>TorchSharp's <c>to</c> puts other tensors in the place of a module's own.</summary>
    private void CheckInPlace()
    {
        foreach (var (i, (parameter, mean, square)) in _states.Index())
        {
            if (parameter.IsInvalid || mean.IsInvalid || square.IsInvalid)
                throw new InvalidOperationException(
                    $"parameters[{i}] or its moments were moved to another device or dtype: move the module first, then make its optimiser, and leave that where it is");
        }
    }

    private static double Kept(double beta, string name)
        => beta is >= 0 and < 1 ? beta : throw new ArgumentOutOfRangeException(name, beta, $"{name} must lie in [0, 1) but is {beta}");
}
