using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// The temperature τ that similarities are divided by: fixed, or learned as log(1/τ) within bounds. One instance may
/// serve several losses, which then share it.
/// </summary>
/// <remarks>
/// A learned temperature is kept as the logarithm of the logit scale 1/τ, as CLIP does (Radford et al. 2021, section 2.5):
/// steps are relative, and the scale is positive. Before each use a parameter outside its bounds is brought back to them in place,
/// so that an optimiser that stepped over a bound can come back at once. Build a term of your own on the parameter after the loss: a write
/// spoils a graph that was built before. (On a CPU a parameter inside its bounds is not written to.) Pass its parameters to the optimiser once: a loss's
/// parameters include it, and where several losses share it, <c>[.. a.parameters(), .. b.parameters()]</c> would step it twice
/// (add <c>.Distinct()</c>). A loss does not dispose a temperature it was given.
/// </remarks>
public sealed class Temperature : nn.Module
{
    // Named as it is registered: TorchSharp finds the field again by this name when the module moves or changes its dtype.
    private readonly Parameter? log_scale;
    private readonly double _fixedTemperature;
    private readonly Scalar? _lowest;
    private readonly Scalar? _highest;

    private Temperature(double initial, double minimum, double maximum, bool learned)
        : base(nameof(Temperature))
    {
        _fixedTemperature = initial;
        Minimum = minimum;
        Maximum = maximum;
        if (!learned) return;
        (_lowest, _highest) = ((-Math.Log(maximum)).ToScalar(), (-Math.Log(minimum)).ToScalar());

        using var start = tensor(-Math.Log(initial), dtype: ScalarType.Float32);
        log_scale = new Parameter(start.clone());
        log_scale.DetachFromDisposeScope();
        register_parameter(nameof(log_scale), log_scale);
    }

    /// <summary>A temperature that stays as it is.</summary>
    /// <param name="temperature">τ. Range: 1e-30 ≤ τ ≤ 1e30, so that τ and 1/τ are float32.</param>
    /// <exception cref="ArgumentOutOfRangeException">τ is not within [1e-30, 1e30].</exception>
    public static Temperature Fixed(double temperature)
    {
        Check(temperature);
        return new Temperature(temperature, temperature, temperature, learned: false);
    }

    /// <summary>A temperature that is trained, as log(1/τ) in float32. The defaults are open_clip's: 1/τ from 1/0.07, in [1, 100].</summary>
    /// <param name="initial">τ at the start. Range: minimum ≤ τ ≤ maximum.</param>
    /// <param name="minimum">The lower bound of τ. Range: 1e-30 ≤ τ.</param>
    /// <param name="maximum">The upper bound of τ. Range: τ ≤ 1e30.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is not within [1e-30, 1e30], or they are not in order.</exception>
    public static Temperature Learned(double initial = 0.07, double minimum = 0.01, double maximum = 1.0)
    {
        Check(minimum);
        Check(maximum);
        Guard.Between(initial, minimum, maximum);
        return new Temperature(initial, minimum, maximum, learned: true);
    }

    /// <summary>Whether an optimiser can change it.</summary>
    public bool IsLearned => log_scale is not null;

    /// <summary>The lower bound of τ.</summary>
    public double Minimum { get; }

    /// <summary>The upper bound of τ.</summary>
    public double Maximum { get; }

    /// <summary>τ now. Reading a learned one waits for its device.</summary>
    public double Value
    {
        get
        {
            if (log_scale is null) return _fixedTemperature;
            using var scope = NewDisposeScope();
            return Math.Clamp(Math.Exp(-log_scale.detach().to(ScalarType.Float64).item<double>()), Minimum, Maximum);
        }
    }

    /// <summary>Features, or similarities, divided by τ.</summary>
    /// <param name="features">Any shape, floating point.</param>
    /// <returns>The same shape and dtype. A learned temperature takes its gradient through it.</returns>
    /// <exception cref="ArgumentException">The features are not floating point.</exception>
    public Tensor Scale(Tensor features)
    {
        Guard.Floating(features);
        if (log_scale is null) return features.Times(1 / _fixedTemperature);
        using var scope = NewDisposeScope();
        Clamp(log_scale);
        // Autograd keeps the features for the gradient, and refuses to keep those made in inference mode. A copy is none.
        if (is_grad_enabled() && !features.requires_grad) features = features.clone();
        return features.mul(log_scale.to(features.dtype).exp()).MoveToOuterDisposeScope();
    }

    /// <summary>Whether a loss is to give a gradient by it.</summary>
    internal bool RequiresGradient => log_scale is { requires_grad: true };

    /// <summary>1/τ of a learned one, (), without a graph.</summary>
    internal Tensor LearnedScale(ScalarType dtype)
    {
        using var constant = no_grad();
        Clamp(log_scale!);
        return log_scale!.To(dtype).exp();
    }

    /// <summary>derivative · log(1/τ), (), with a graph.</summary>
    internal Tensor DotGradient(Tensor derivative) => derivative.mul(log_scale!.To(derivative.dtype));

    /// <summary>Refuses a τ that is not within [1e-30, 1e30].</summary>
    internal static void Check(double temperature, [CallerArgumentExpression(nameof(temperature))] string name = "")
    {
        Guard.Positive(temperature, name);
        // Beyond this the gradients are NaN in float32.
        Guard.Between(temperature, 1e-30, 1e30, name);
    }

    private void Clamp(Parameter logScale)
    {
        using var constant = no_grad();
        // A write, even of the same value, spoils a graph that was built on the parameter before, say that of a penalty. On other devices
        // to look first would be to wait.
        if (logScale.device_type == DeviceType.CPU && IsWithinBounds(logScale)) return;
        logScale.clamp_(_lowest!, _highest!);
    }

    /// <summary>Whether clamping changes nothing, with bounds as the parameter's dtype has them. Not of NaN.</summary>
    private bool IsWithinBounds(Parameter logScale)
    {
        using var clamped = logScale.clamp(_lowest!, _highest!);
        using var same = clamped.eq(logScale);
        return same.item<bool>();
    }

    /// <summary>Refuses a learned temperature that lives on another device than the features.</summary>
    internal void CheckDevice(Tensor features, string name)
    {
        if (log_scale is not null) Guard.SameDevice(features, log_scale, name, "the parameters of the temperature");
    }
}

/// <summary>1/τ as a loss applies it: a number, or what a learned temperature holds.</summary>
internal readonly struct LogitScale
{
    private readonly double _fixed;
    private readonly Temperature? _learned;
    private readonly Tensor? _value;

    private LogitScale(double value) => _fixed = value;

    private LogitScale(Temperature temperature, ScalarType dtype, bool constant)
    {
        (_learned, IsConstant) = (temperature, constant);
        _value = temperature.LearnedScale(dtype);
    }

    /// <summary>The scale of a temperature. The tensor it may hold is in the caller's dispose scope.</summary>
    /// <param name="temperature">τ.</param>
    /// <param name="dtype">The dtype of the similarities.</param>
    /// <param name="constant">Whether no gradient by a learned temperature is wanted.</param>
    public static LogitScale Of(Temperature temperature, ScalarType dtype, bool constant = false)
        => temperature.IsLearned ? new LogitScale(temperature, dtype, constant) : Of(temperature.Value);

    /// <summary>The scale of a fixed temperature.</summary>
    public static LogitScale Of(double temperature) => new(1 / temperature);

    private bool IsConstant { get; }

    /// <summary>Whether a gradient by a learned temperature is wanted.</summary>
    public bool RequiresGradient => _learned is { RequiresGradient: true } && !IsConstant && is_grad_enabled();

    /// <summary>No smaller than 1/τ, and known without a look at the device.</summary>
    public double Bound => _learned is null ? _fixed : 1 / _learned.Minimum;

    /// <summary>1/τ. Of a learned temperature it waits for the device.</summary>
    public double Value => _learned is null ? _fixed : 1 / _learned.Value;

    /// <summary>Values times 1/τ, without a graph of the temperature's.</summary>
    public Tensor Of(Tensor values) => _value is null ? values.Times(_fixed) : values.mul(_value);

    /// <summary>The same in place.</summary>
    public Tensor Apply_(Tensor values)
    {
        if (_value is not null) return values.mul_(_value);
        using var factor = _fixed.ToScalar();
        return values.mul_(factor);
    }

    /// <summary>Values times τ.</summary>
    public Tensor Undo(Tensor values) => _value is null ? values.Times(1 / _fixed) : values.div(_value);

    /// <summary>Values times 1/τ, with the temperature's graph where a gradient by it is wanted.</summary>
    public Tensor WithGraph(Tensor values) => RequiresGradient ? _learned!.Scale(values) : Of(values);

    /// <summary>derivative · log(1/τ), (), with a graph to the learned temperature.</summary>
    public Tensor DotGradient(Tensor derivative) => _learned!.DotGradient(derivative);
}
