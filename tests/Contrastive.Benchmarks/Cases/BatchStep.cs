using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>Inputs and one way to compute with them. A run frees whatever it made, gradients included.</summary>
public sealed class BatchStep : IDisposable
{
    private readonly Func<Tensor?> _compute;
    private readonly IReadOnlyList<Tensor> _leaves;
    private readonly IDisposable[] _owned;

    private BatchStep(Func<Tensor?> compute, IReadOnlyList<Tensor> leaves, IDisposable[] owned)
        => (_compute, _leaves, _owned) = (compute, leaves, owned);

    /// <summary>Plain work without gradients.</summary>
    public static BatchStep Of(Action work, params IDisposable[] owned) => new(
        () =>
        {
            work();
            return null;
        },
        [],
        owned);

    /// <summary>Forward and backward of a scalar loss: gradients of <paramref name="leaves"/>.</summary>
    public static BatchStep Training(Func<Tensor> loss, IReadOnlyList<Tensor> leaves, params IDisposable[] owned) => new(
        () =>
        {
            var value = loss();
            value.backward();
            return value;
        },
        leaves,
        owned);

    public void Run()
    {
        using var scope = NewDisposeScope();
        _compute();
        foreach (var leaf in _leaves) leaf.grad = null;
    }

    /// <summary>What a run computes: the loss and the gradients of its leaves. The caller's.</summary>
    public (Tensor Loss, IReadOnlyList<Tensor> Gradients) Results()
    {
        var loss = _compute()?.detach() ?? throw new InvalidOperationException("there is no loss in this step");
        Tensor[] gradients = [.. _leaves.Select(leaf => leaf.grad!.clone())];
        foreach (var leaf in _leaves) leaf.grad = null;
        return (loss, gradients);
    }

    public void Dispose()
    {
        foreach (var part in _owned) part.Dispose();
    }
}
