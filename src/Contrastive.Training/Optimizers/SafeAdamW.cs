using Contrastive.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>
/// AdamW (I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019), as TorchSharp's, for long runs.
/// </summary>
/// <remarks>
/// <para>TorchSharp 0.107's own optimisers hand temporary scalars to native code, which the garbage collector may free during the
/// call: a run of some ten thousand steps on a busy machine ends with "Unknown scalar type". Here every scalar outlives its
/// call.</para>
/// <para>Each parameter has a step count and moments of its own, in float32, or float64 beside float64. One in float16 or bfloat16
/// also has a float32 copy, which takes the steps: most are too small for the parameter itself. All are buffers, called by the
/// parameter's name, so a checkpoint holds them as it holds any module, <c>parts.Module("optimizer", optimizer)</c>, and gives
/// each parameter its own state back, whatever their order.</para>
/// <para>Parameters that want another rate or no decay get an optimiser of their own.</para>
/// </remarks>
/// <example>
/// <code>
/// using var optimizer = new SafeAdamW(encoder.named_parameters(), learningRate: 0.001);
/// using var both = new SafeAdamW([("image", imageTower), ("text", textTower), ("loss", loss)], learningRate: 0.001);
/// </code>
/// </example>
public sealed class SafeAdamW : nn.Module
{
    private readonly State[] _states;
    private double _learningRate;

    /// <summary>Creates an optimiser of all parameters of some modules.</summary>
    /// <param name="modules">
    /// What is trained, on its device and in its dtype already. A parameter is called by its module's name here, a dot, and its
    /// name there.
    /// </param>
    /// <param name="learningRate">Range: ≥ 0; may be changed between steps.</param>
    /// <param name="weightDecay">Decoupled, times the learning rate. Range: ≥ 0.</param>
    /// <param name="beta1">How much of the mean of the gradients is kept. Range: 0 ≤ β₁ &lt; 1.</param>
    /// <param name="beta2">How much of the mean of their squares is kept. Range: 0 ≤ β₂ &lt; 1.</param>
    /// <param name="epsilon">Added to the root of the mean square. Range: > 0.</param>
    /// <exception cref="ArgumentException">
    /// A value is out of range, there are no parameters, or a name or a parameter is there twice.
    /// </exception>
    public SafeAdamW(
        IEnumerable<(string name, nn.Module module)> modules,
        double learningRate,
        double weightDecay = 0,
        double beta1 = 0.9,
        double beta2 = 0.999,
        double epsilon = 1e-8)
        : this(ParametersOf(modules), learningRate, weightDecay, beta1, beta2, epsilon)
    {
    }

    /// <summary>Creates an optimiser of some parameters: those of one module, <c>module.named_parameters()</c>, or any others.</summary>
    /// <param name="parameters">What is trained, on its device and in its dtype already, each once.</param>
    /// <param name="learningRate">Range: ≥ 0; may be changed between steps.</param>
    /// <param name="weightDecay">Decoupled, times the learning rate. Range: ≥ 0.</param>
    /// <param name="beta1">How much of the mean of the gradients is kept. Range: 0 ≤ β₁ &lt; 1.</param>
    /// <param name="beta2">How much of the mean of their squares is kept. Range: 0 ≤ β₂ &lt; 1.</param>
    /// <param name="epsilon">Added to the root of the mean square. Range: > 0.</param>
    /// <exception cref="ArgumentException">
    /// A value is out of range, there are no parameters, or a name or a parameter is there twice.
    /// </exception>
    public SafeAdamW(
        IEnumerable<(string name, Parameter parameter)> parameters,
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
        (string Name, Parameter Parameter)[] trained = [.. parameters];
        CheckNamed(trained, nameof(parameters));
        using var constant = no_grad();
        _states = [.. trained.Select(named => new State(named.Parameter))];
        foreach (var (state, (name, _)) in _states.Zip(trained))
        {
            register_buffer($"step.{name}", state.Step);
            register_buffer($"mean.{name}", state.Mean);
            register_buffer($"square.{name}", state.Square);
            if (state.Master is { } master)
                register_buffer($"master.{name}", master);
        }
    }

    /// <summary>What is kept from step to step beside a parameter.</summary>
    private sealed class State(Parameter parameter)
    {
        public Parameter Parameter { get; } = parameter;

        /// <summary>On the CPU, where it is read at each step.</summary>
        public Tensor Step { get; } = zeros(1, ScalarType.Int64).DetachFromDisposeScope();

        public Tensor Mean { get; } = Zeros(parameter);

        public Tensor Square { get; } = Zeros(parameter);

        /// <summary>Null where the parameter is precise enough itself.</summary>
        public Tensor? Master { get; }
            = MasterWeights.AreNeeded(parameter) ? parameter.detach().to(ScalarType.Float32).DetachFromDisposeScope() : null;

        /// <summary>TorchSharp's <c>to</c> puts other tensors in the place of a module's own.</summary>
        public bool IsInPlace => !Parameter.IsInvalid && !Step.IsInvalid && !Mean.IsInvalid && !Square.IsInvalid && Master is not { IsInvalid: true };

        private static Tensor Zeros(Parameter parameter) => zeros_like(parameter, MasterWeights.StateType(parameter)).DetachFromDisposeScope();
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
        foreach (var state in _states)
        {
            using var gradient = state.Parameter.grad;
            state.Parameter.grad = null;
        }
    }

    /// <summary>One step on the gradients; a parameter without one stays as it is, and its steps are not counted.</summary>
    /// <exception cref="InvalidOperationException">A parameter was moved or converted after the optimiser was made.</exception>
    public void step()
    {
        CheckInPlace();
        using var constant = no_grad();
        using var factors = new Factors(this);
        foreach (var state in _states)
            Step(state, factors);
    }

    private void Step(State state, Factors factors)
    {
        using var scope = NewDisposeScope();
        if (state.Parameter.grad is not { } gradient)
            return;
        gradient = gradient.to(state.Mean.dtype);
        state.Step.add_(Scalars.OneIndex, Scalars.OneIndex);
        var count = state.Step.item<long>();
        using var squareCorrection = Math.Sqrt(1 - Math.Pow(Beta2, count)).ToScalar();
        using var step = (-LearningRate / (1 - Math.Pow(Beta1, count))).ToScalar();
        if (state.Master is not null)
            MasterWeights.Follow(state.Master, state.Parameter);
        var weights = state.Master ?? state.Parameter;
        weights.mul_(factors.Decay);
        state.Mean.mul_(factors.KeepMean).add_(gradient, factors.NewMean);
        state.Square.mul_(factors.KeepSquare).addcmul_(gradient, gradient, factors.NewSquare);
        var size = state.Square.sqrt().div_(squareCorrection).add_(factors.Epsilon, Scalars.One);
        weights.addcdiv_(state.Mean, size, step);
        if (state.Master is not null)
            state.Parameter.copy_(state.Master);
    }

    /// <summary>What all parameters' steps have in common.</summary>
    private sealed class Factors(SafeAdamW optimizer) : IDisposable
    {
        public Scalar KeepMean { get; } = optimizer.Beta1.ToScalar();

        public Scalar NewMean { get; } = (1 - optimizer.Beta1).ToScalar();

        public Scalar KeepSquare { get; } = optimizer.Beta2.ToScalar();

        public Scalar NewSquare { get; } = (1 - optimizer.Beta2).ToScalar();

        public Scalar Epsilon { get; } = optimizer.Epsilon.ToScalar();

        public Scalar Decay { get; } = (1 - optimizer.LearningRate * optimizer.WeightDecay).ToScalar();

        public void Dispose()
        {
            foreach (var factor in new[] { KeepMean, NewMean, KeepSquare, NewSquare, Epsilon, Decay })
                factor.Dispose();
        }
    }

    /// <summary>Nothing: the constructor registers all there is. TorchSharp would register every field again, under its own name.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <summary>TorchSharp's <c>to</c> puts other tensors in the place of a module's own.</summary>
    private void CheckInPlace()
    {
        var moved = Array.FindIndex(_states, state => !state.IsInPlace);
        if (moved >= 0)
            throw new InvalidOperationException(
                $"parameters[{moved}] or its moments were moved to another device or dtype: move the module first, then make its optimiser, and leave that where it is");
    }

    private static IEnumerable<(string, Parameter)> ParametersOf(IEnumerable<(string name, nn.Module module)> modules)
    {
        ArgumentNullException.ThrowIfNull(modules);
        return [.. modules.SelectMany(part => part.module.named_parameters().Select(inner => ($"{part.name}.{inner.name}", inner.parameter)))];
    }

    private static void CheckNamed((string Name, Parameter Parameter)[] trained, string argument)
    {
        if (trained.Length == 0)
            throw new ArgumentException($"{argument} are empty: there is nothing to train", argument);
        var names = new Dictionary<string, int>();
        var seen = new Dictionary<Parameter, int>(ReferenceEqualityComparer.Instance);
        foreach (var (i, (name, parameter)) in trained.Index())
        {
            Guard.Floating(parameter, $"{argument}[{i}]");
            if (string.IsNullOrEmpty(name))
                throw new ArgumentException($"{argument}[{i}] has no name, which its state needs in a checkpoint", argument);
            if (!seen.TryAdd(parameter, i))
                throw new ArgumentException(
                    $"{argument}[{i}] is {argument}[{seen[parameter]}] again, '{name}' and '{trained[seen[parameter]].Name}': it would be moved twice a step", argument);
            if (!names.TryAdd(name, i))
                throw new ArgumentException($"{argument}[{i}] is called '{name}' like {argument}[{names[name]}]: name the modules they belong to", argument);
        }
    }

    private static double Kept(double beta, string name)
        => beta is >= 0 and < 1 ? beta : throw new ArgumentOutOfRangeException(name, beta, $"{name} must lie in [0, 1) but is {beta}");
}
