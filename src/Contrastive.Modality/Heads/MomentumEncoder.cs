using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// An encoder that follows another one slowly, θ ← m θ + (1-m) θ_online, and is not trained itself (He et al., "Momentum
/// Contrast", CVPR 2020, equation 2). Its features make good positives and queue entries.
/// </summary>
/// <typeparam name="TModule">The type of the encoder.</typeparam>
/// <remarks>
/// Parameters are averaged; buffers (running statistics, counters) are copied. Beside a parameter in float16 or bfloat16 there is a
/// float32 copy, a buffer, which takes the steps: most are too small for the parameter itself. The trained encoder is no part of
/// this module: neither of its state nor of what <c>eval</c>, <c>to</c> and <c>Dispose</c> reach, alone or inside another module.
/// </remarks>
public sealed class MomentumEncoder<TModule> : nn.Module
    where TModule : nn.Module
{
    private const string Master = "master.";

    private readonly TModule _online;
    private readonly TModule _encoder;

    /// <summary>Creates the follower, equal to the online encoder.</summary>
    /// <param name="online">The encoder that is trained. It is not disposed with this one.</param>
    /// <param name="twin">A second encoder of the same structure, which is filled from the first.</param>
    /// <param name="momentum">m. Range: 0 ≤ m ≤ 1.</param>
    /// <exception cref="ArgumentException">The encoders are one, or differ in their parameters or buffers.</exception>
    public MomentumEncoder(TModule online, TModule twin, double momentum = 0.999)
        : base(nameof(MomentumEncoder<TModule>))
    {
        ArgumentNullException.ThrowIfNull(online);
        ArgumentNullException.ThrowIfNull(twin);
        if (ReferenceEquals(online, twin)) throw new ArgumentException("twin must be an encoder of its own but is the online one", nameof(twin));
        Momentum = Guard.Between(momentum, 0, 1);
        CheckStructure(online, twin);
        _online = online;
        _encoder = twin;
        register_module(nameof(_encoder), _encoder);
        Blend(0);
        foreach (var (name, parameter) in _encoder.named_parameters())
        {
            parameter.requires_grad = false;
            if (MasterWeights.AreNeeded(parameter))
                register_buffer(Master + name, parameter.detach().to(ScalarType.Float32).DetachFromDisposeScope());
        }
    }

    /// <summary>m, the part of the old weights that stays at each update.</summary>
    public double Momentum { get; }

    /// <summary>The following encoder. Its parameters require no gradients, so features of plain inputs have no graph.</summary>
    public TModule Encoder => _encoder;

    /// <summary>Takes a step towards the online encoder; call it after the optimiser's step.</summary>
    /// <exception cref="InvalidOperationException">This or its encoder was converted to half precision after it was made.</exception>
    public void Update() => Blend(Momentum);

    /// <summary>Nothing: the constructor registers the following encoder. TorchSharp would make the trained one a child as well.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <summary>Refuses what <see cref="Update"/> would refuse.</summary>
    internal void CheckUpdate()
    {
        if (Momentum is > 0 and < 1) CheckPrecision(named_buffers(recurse: false).ToDictionary(x => x.name, x => x.buffer));
    }

    private void Blend(double momentum)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using var kept = momentum.ToScalar();
        using var taken = (1 - momentum).ToScalar();
        var source = _online.named_parameters().ToDictionary(x => x.name, x => x.parameter);
        var masters = named_buffers(recurse: false).ToDictionary(x => x.name, x => x.buffer);
        if (momentum is > 0 and < 1) CheckPrecision(masters);
        foreach (var (name, parameter) in _encoder.named_parameters())
        {
            // A copy at first: 0 · θ would keep a NaN. And at m = 1 nothing is taken, not even one.
            if (momentum == 0) parameter.copy_(source[name]);
            else if (momentum == 1) continue;
            else if (!masters.TryGetValue(Master + name, out var master)) parameter.mul_(kept).add_(source[name], taken);
            else
            {
                MasterWeights.Follow(master, parameter);
                parameter.copy_(master.mul_(kept).add_(source[name].to(master.dtype), taken));
            }
        }
        var buffers = _online.named_buffers().ToDictionary(x => x.name, x => x.buffer);
        foreach (var (name, buffer) in _encoder.named_buffers()) buffer.copy_(buffers[name]);
    }

    private void CheckPrecision(Dictionary<string, Tensor> masters)
    {
        foreach (var (name, parameter) in _encoder.named_parameters())
        {
            var kept = masters.GetValueOrDefault(Master + name, parameter);
            if (MasterWeights.AreNeeded(kept))
                throw new InvalidOperationException(
                    $"'{name}' was converted to {kept.dtype}, which is too coarse for steps of 1 - {Momentum}: convert both encoders first, then make the momentum encoder, and leave it as it is");
        }
    }

    private static void CheckStructure(TModule online, TModule twin)
    {
        var expected = online.state_dict();
        var actual = twin.state_dict();
        foreach (var (name, tensor) in expected)
        {
            if (!actual.TryGetValue(name, out var other))
                throw new ArgumentException($"twin has no '{name}', which online has", nameof(twin));
            if (!tensor.shape.SequenceEqual(other.shape))
                throw new ArgumentException($"'{name}' is {Guard.Shape(tensor)} in online but {Guard.Shape(other)} in twin", nameof(twin));
            if (tensor.dtype != other.dtype)
                throw new ArgumentException($"'{name}' is {tensor.dtype} in online but {other.dtype} in twin", nameof(twin));
            Guard.SameDevice(tensor, other, $"'{name}' of online", $"'{name}' of twin");
        }
        if (online.parameters().FirstOrDefault(p => twin.parameters().Any(q => ReferenceEquals(p, q))) is not null)
            throw new ArgumentException("twin shares parameters with online, which would stop their training", nameof(twin));
        if (actual.Keys.FirstOrDefault(name => !expected.ContainsKey(name)) is { } extra)
            throw new ArgumentException($"twin has '{extra}', which online has not", nameof(twin));
    }
}
