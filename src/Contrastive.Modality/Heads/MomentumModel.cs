using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// A momentum model of several modules, say two encoders, a fusion encoder and heads: each follows its trained one as a
/// <see cref="MomentumEncoder{TModule}"/> does, all by one call.
/// </summary>
/// <remarks>The trained modules are no part of this one. Call <see cref="Update"/> once a step; ALBEF does so before the momentum model's forward pass.</remarks>
/// <example>
/// <code>
/// var momentum = new MomentumModel(0.995, ("images", images, imagesTwin), ("texts", texts, textsTwin), ("fusion", fusion, fusionTwin));
/// // each step
/// momentum.Update();
/// using (no_grad()) features = imagesTwin.forward(pictures);
/// </code>
/// </example>
public sealed class MomentumModel : nn.Module
{
    private readonly (string Name, MomentumEncoder<nn.Module> Encoder)[] _parts;

    /// <summary>Creates the followers, equal to the trained modules.</summary>
    /// <param name="momentum">m. Range: 0 ≤ m ≤ 1.</param>
    /// <param name="parts">The name of each part, the module that is trained, and a second one of the same structure, which is filled from it.</param>
    /// <exception cref="ArgumentException">There are no parts, a name is empty or taken, a pair differs in structure, or a twin shares parameters with another module.</exception>
    public MomentumModel(double momentum, params (string Name, nn.Module Online, nn.Module Twin)[] parts)
        : base(nameof(MomentumModel))
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Length == 0) throw new ArgumentException("parts are empty", nameof(parts));
        Momentum = Guard.Between(momentum, 0, 1);
        var names = new HashSet<string>();
        foreach (var (name, online, twin) in parts)
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(name, nameof(parts));
            ArgumentNullException.ThrowIfNull(online, nameof(parts));
            ArgumentNullException.ThrowIfNull(twin, nameof(parts));
            if (name.Contains('.', StringComparison.Ordinal)) throw new ArgumentException($"the name '{name}' has a dot", nameof(parts));
            if (!names.Add(name)) throw new ArgumentException($"two parts are named '{name}'", nameof(parts));
        }
        CheckTwins(parts);
        _parts = [.. parts.Select(part => (part.Name, new MomentumEncoder<nn.Module>(part.Online, part.Twin, momentum)))];
        foreach (var (name, encoder) in _parts) register_module(name, encoder);
    }

    /// <summary>m, the part of the old weights that stays at each update.</summary>
    public double Momentum { get; }

    /// <summary>The names of the parts.</summary>
    public IReadOnlyList<string> Names => [.. _parts.Select(part => part.Name)];

    /// <summary>The following module of a part.</summary>
    /// <typeparam name="TModule">Its type.</typeparam>
    /// <param name="name">The part's name.</param>
    /// <exception cref="KeyNotFoundException">There is no such part; the message lists those there are.</exception>
    /// <exception cref="InvalidCastException">It is of another type.</exception>
    public TModule Encoder<TModule>(string name)
        where TModule : nn.Module
        => (TModule)(_parts.FirstOrDefault(part => part.Name == name).Encoder
            ?? throw new KeyNotFoundException($"there is no part '{name}' among {string.Join(", ", Names)}")).Encoder;

    /// <summary>Takes a step towards the trained modules, with all parts or with none.</summary>
    /// <exception cref="InvalidOperationException">A part was converted to half precision after it was made; nothing has changed then.</exception>
    public void Update()
    {
        foreach (var (_, encoder) in _parts) encoder.CheckUpdate();
        foreach (var (_, encoder) in _parts) encoder.Update();
    }

    /// <summary>Nothing: the constructor registers all there is.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <summary>Weights of a twin that were another module's too would follow twice a step, or stop its training.</summary>
    private static void CheckTwins((string Name, nn.Module Online, nn.Module Twin)[] parts)
    {
        var owners = new Dictionary<Tensor, string>(ReferenceEqualityComparer.Instance);
        foreach (var (name, online, _) in parts)
        {
            foreach (var parameter in online.parameters()) owners[parameter] = $"the trained '{name}'";
        }
        foreach (var (name, _, twin) in parts)
        {
            foreach (var (parameterName, parameter) in twin.named_parameters())
            {
                if (owners.TryGetValue(parameter, out var owner) && owner != $"the twin of '{name}'")
                    throw new ArgumentException($"the twin of '{name}' shares '{parameterName}' with {owner}", nameof(parts));
                owners[parameter] = $"the twin of '{name}'";
            }
        }
    }
}
