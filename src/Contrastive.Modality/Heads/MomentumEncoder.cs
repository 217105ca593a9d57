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
/// Parameters are averaged; buffers (running statistics, counters) are copied. The trained encoder is no part of this module:
/// neither of its state nor of what <c>eval</c>, <c>to</c> and <c>Dispose</c> reach, alone or inside another module.
/// </remarks>
public sealed class MomentumEncoder<TModule> : nn.Module
    where TModule : nn.Module
{
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
        foreach (var parameter in _encoder.parameters()) parameter.requires_grad = false;
    }

    /// <summary>m, the part of the old weights that stays at each update.</summary>
    public double Momentum { get; }

    /// <summary>The following encoder. Its parameters require no gradients, so features of plain inputs have no graph.</summary>
    public TModule Encoder => _encoder;

    /// <summary>Takes a step towards the online encoder; call it after the optimiser's step.</summary>
    public void Update() => Blend(Momentum);

    /// <summary>Nothing: the constructor registers the following encoder. TorchSharp would make the trained one a child as well.</summary>
    protected override void RegisterComponents()
    {
    }

    private void Blend(double momentum)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using var kept = momentum.ToScalar();
        using var taken = (1 - momentum).ToScalar();
        var source = _online.named_parameters().ToDictionary(x => x.name, x => x.parameter);
        foreach (var (name, parameter) in _encoder.named_parameters())
        {
            // A copy at first: 0 · θ would keep a NaN. And at m = 1 nothing is taken, not even one.
            if (momentum == 0) parameter.copy_(source[name]);
            else if (momentum < 1) parameter.mul_(kept).add_(source[name], taken);
        }
        var buffers = _online.named_buffers().ToDictionary(x => x.name, x => x.buffer);
        foreach (var (name, buffer) in _encoder.named_buffers()) buffer.copy_(buffers[name]);
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
        }
        if (online.parameters().FirstOrDefault(p => twin.parameters().Any(q => ReferenceEquals(p, q))) is not null)
            throw new ArgumentException("twin shares parameters with online, which would stop their training", nameof(twin));
        if (actual.Keys.FirstOrDefault(name => !expected.ContainsKey(name)) is { } extra)
            throw new ArgumentException($"twin has '{extra}', which online has not", nameof(twin));
    }
}
