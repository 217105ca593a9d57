using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Distributed;

/// <summary>
/// Replaces the gradients of each rank by their sum over the ranks, between <c>backward()</c> and the optimiser's step. A sum and no mean:
/// each rank's loss is its share of the batch's.
/// </summary>
/// <remarks>
/// Gradients go together in buckets. A parameter that has a gradient on some ranks counts as zeros on the others; one that has none on
/// any rank keeps none. The reduction begins when the backward pass is done: TorchSharp has no hook to begin it earlier.
/// </remarks>
public sealed class GradientReduction
{
    private readonly Communicator _communicator;
    private readonly Tensor[] _parameters;
    private readonly long _bucketBytes;
    private bool _agrees;

    /// <summary>Creates the reduction.</summary>
    /// <param name="communicator">The ranks.</param>
    /// <param name="parameters">Encoders' and losses' parameters, in the same order on all ranks. One that is given twice counts once.</param>
    /// <param name="bucketBytes">How many bytes of gradients go at once, or those of one parameter. Range: ≥ 1.</param>
    /// <exception cref="ArgumentException">A parameter is null, or the bytes are less than 1.</exception>
    public GradientReduction(Communicator communicator, IEnumerable<Tensor> parameters, long bucketBytes = 1 << 25)
    {
        ArgumentNullException.ThrowIfNull(communicator);
        ArgumentNullException.ThrowIfNull(parameters);
        _communicator = communicator;
        _parameters = [.. parameters.Distinct<object>(ReferenceEqualityComparer.Instance).Cast<Tensor>()];
        _bucketBytes = Guard.AtLeast(bucketBytes, 1);
        if (_parameters.Contains(null!)) throw new ArgumentException("one of the parameters is null", nameof(parameters));
    }

    /// <summary>Sums the gradients. Called by all ranks, once a step.</summary>
    /// <exception cref="InvalidOperationException">The ranks' parameters differ in number, dtype or shape; the message names a rank.</exception>
    public void Sum()
    {
        if (_communicator.Size == 1) return;
        // Once: the parameters stay what they are.
        if (!_agrees) TensorLayout.Check(_communicator, "the parameters", [.. _parameters.Select(TensorLayout.Of)]);
        _agrees = true;
        if (_parameters.Length == 0) return;
        // Each look at a gradient is one more tensor that keeps it.
        using var scope = NewDisposeScope();
        var present = _communicator.Meet([.. _parameters.Select(parameter => parameter.grad is null ? 0L : 1L)]);
        var learning = _parameters.Where((_, index) => present.Any(rank => rank[index] != 0)).ToArray();
        foreach (var alike in learning.GroupBy(parameter => (parameter.dtype, parameter.device.ToString())))
            foreach (var bucket in Buckets(alike)) SumOf(bucket);
    }

    private IEnumerable<List<Tensor>> Buckets(IEnumerable<Tensor> parameters)
    {
        var (bucket, bytes) = (new List<Tensor>(), 0L);
        foreach (var parameter in parameters)
        {
            var size = parameter.numel() * parameter.element_size();
            if (bucket.Count > 0 && bytes + size > _bucketBytes)
            {
                yield return bucket;
                (bucket, bytes) = ([], 0);
            }
            bucket.Add(parameter);
            bytes += size;
        }
        if (bucket.Count > 0) yield return bucket;
    }

    private void SumOf(List<Tensor> bucket)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        foreach (var parameter in bucket.Where(parameter => parameter.grad is null))
        {
            var zero = zeros_like(parameter.detach());
            parameter.grad = zero;
        }
        var flat = cat([.. bucket.Select(parameter => parameter.grad!.reshape(-1))]);
        _communicator.AllReduce(flat);
        var first = 0L;
        foreach (var parameter in bucket)
        {
            parameter.grad!.copy_(flat.narrow(0, first, parameter.numel()).reshape(parameter.shape));
            first += parameter.numel();
        }
    }
}
