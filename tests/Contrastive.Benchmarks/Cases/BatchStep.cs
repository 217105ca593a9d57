using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>Inputs and one way to compute with them. A run frees whatever it made, gradients included.</summary>
public sealed class BatchStep : IDisposable
{
    private readonly Action run;
    private readonly IDisposable[] owned;

    private BatchStep(Action run, IDisposable[] owned) => (this.run, this.owned) = (run, owned);

    /// <summary>Plain work without gradients.</summary>
    public static BatchStep Of(Action work, params IDisposable[] owned) => new(work, owned);

    /// <summary>Forward and backward of a scalar loss: gradients of <paramref name="leaves"/>.</summary>
    public static BatchStep Training(Func<Tensor> loss, IReadOnlyList<Tensor> leaves, params IDisposable[] owned) => new(
        () =>
        {
            loss().backward();
            foreach (var leaf in leaves) leaf.grad = null;
        },
        owned);

    public void Run()
    {
        using var scope = NewDisposeScope();
        run();
    }

    public void Dispose()
    {
        foreach (var part in owned) part.Dispose();
    }
}
