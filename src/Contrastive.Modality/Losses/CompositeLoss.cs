using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>A weighted sum of losses: as a rule a contrastive one and whatever structures are wanted beside it.</summary>
/// <remarks>
/// <para>A part is any <see cref="ModalityLoss"/>, a user's too; a loss of two tensors (<see cref="InfoNCELoss"/>) or of one
/// (<see cref="UniformityLoss"/>) as it is, which is given the shared features; or a function, with
/// <see cref="ModalityLoss.Of(Func{ModalityBatch, Tensor})"/>.</para>
/// <para>The result has each part's terms under the part's name (<c>bridge.first</c>), with the weight each has in the total, so
/// that a training loop can log them. A part of weight 0 is not evaluated and needs nothing. Parts are registered as modules under their
/// names: their state and learned temperatures are part of this module's. Where one fails, no part's state has changed.</para>
/// </remarks>
/// <example>
/// <code>
/// var loss = new CompositeLoss(
///     ("contrastive", new MultimodalContrastiveLoss(new InfoNCELoss(mode: ContrastMode.Symmetric)), 1),
///     ("uniformity", new UniformityLoss(), 0.1),
///     ("norms", ModalityLoss.Of(batch => batch.First.Shared.pow(2).mean()), 0.01));
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

    internal override void Require(ModalityFeatures first, ModalityFeatures second)
    {
        foreach (var part in _parts) part.Loss.Require(first, second);
    }

    /// <inheritdoc/>
    protected internal override ModalityResult Compute(ModalityBatch batch)
    {
        // Those with state last: whatever fails before has changed nothing.
        var state = _parts.Select(part => part.Loss.buffers().ToArray()).ToArray();
        int[] order = [.. Enumerable.Range(0, _parts.Length).OrderBy(i => state[i].Length > 0)];
        var before = order[..^1].SelectMany(i => state[i]).Select(buffer => (Buffer: buffer, Value: buffer.clone())).ToArray();
        var results = new ModalityResult[_parts.Length];
        try
        {
            foreach (var index in order) results[index] = _parts[index].Loss.Compute(batch);
        }
        catch
        {
            using var constant = no_grad();
            foreach (var (buffer, value) in before) buffer.copy_(value);
            throw;
        }
        return new ModalityResult(
            _parts.Zip(results, (part, result) => result.Loss.Times(part.Weight)).Aggregate((total, part) => total.Plus(part)),
            _parts.Zip(results, (part, result) => result.Terms.Select(
                term => term with { Name = $"{part.Name}.{term.Name}", Weight = part.Weight * term.Weight })).SelectMany(terms => terms));
    }
}
