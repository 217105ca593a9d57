using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>A weighted sum of losses: as a rule a contrastive one and whatever structures are wanted beside it.</summary>
/// <remarks>
/// The result has each part's terms under the part's name (<c>bridge.first</c>), with the weight each has in the total, so
/// that a training loop can log them; a part of weight 0 is skipped. Parts are registered as modules under their names:
/// their state and learned temperatures are part of this module's.
/// </remarks>
/// <example>
/// <code>
/// var loss = new CompositeLoss(
///     ("contrastive", new MultimodalContrastiveLoss(new InfoNCELoss(mode: ContrastMode.Symmetric)), 1),
///     ("consistency", new GeometricConsistencyLoss(), 0.1));
/// var result = loss.Evaluate(first, second);
/// result.Loss.backward();
/// </code>
/// </example>
public sealed class CompositeLoss : ModalityLoss
{
    private readonly (string Name, ModalityLoss Loss, double Weight)[] _parts;

    /// <summary>Creates the sum.</summary>
    /// <param name="parts">Each part's name, loss and weight (≥ 0).</param>
    /// <exception cref="ArgumentException">There are no parts, a name is empty or taken, or a weight is out of range.</exception>
    public CompositeLoss(params (string Name, ModalityLoss Loss, double Weight)[] parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Length == 0) throw new ArgumentException("parts are empty", nameof(parts));
        var names = new HashSet<string>();
        foreach (var (name, loss, weight) in parts)
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(name, nameof(parts));
            ArgumentNullException.ThrowIfNull(loss, nameof(parts));
            if (name.Contains('.', StringComparison.Ordinal))
                throw new ArgumentException($"the name '{name}' has a dot, which separates a part's name from its terms'", nameof(parts));
            if (!names.Add(name)) throw new ArgumentException($"two parts are named '{name}'", nameof(parts));
            Guard.Weight(weight, $"the weight of '{name}'");
            register_module(name, loss);
        }
        if (parts.All(part => part.Weight == 0)) throw new ArgumentException("every weight is 0", nameof(parts));
        _parts = [.. parts.Where(part => part.Weight > 0)];
    }

    internal override bool KeepsState => _parts.Any(part => part.Loss.KeepsState);

    internal override void Require(ModalityFeatures first, ModalityFeatures second)
    {
        foreach (var part in _parts) part.Loss.Require(first, second);
    }

    internal override void Compute(ModalityFeatures first, ModalityFeatures second, Tensor? sampleIds, WeightedSum sum)
    {
        var results = new ModalityResult[_parts.Length];
        int[] order = [.. Enumerable.Range(0, _parts.Length).OrderBy(i => _parts[i].Loss.KeepsState)];
        var before = StateBefore(order[^1]);
        try
        {
            foreach (var index in order)
            {
                var part = new WeightedSum();
                _parts[index].Loss.Compute(first, second, sampleIds, part);
                results[index] = part.ToResult();
            }
        }
        catch
        {
            using var constant = no_grad();
            foreach (var (buffer, value) in before) buffer.copy_(value);
            throw;
        }
        for (var i = 0; i < _parts.Length; i++) sum.Add(_parts[i].Name, _parts[i].Weight, results[i]);
    }

    /// <summary>The state that parts before the last one may change: where a later one fails, it is put back.</summary>
    private (Tensor Buffer, Tensor Value)[] StateBefore(int last)
        => [.. _parts.Where((part, i) => i != last && part.Loss.KeepsState).SelectMany(part => part.Loss.buffers()).Select(buffer => (buffer, buffer.clone()))];
}
