using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Samples.GradientBias.Training;

/// <summary>
/// One pass over the data, drawn at once: at this size a step costs as much as the calls it makes, so shuffling and noise
/// are two calls a pass and not two a step. A last batch that is not full is skipped.
/// </summary>
internal sealed class Pass
{
    private readonly int _batchSize;
    private readonly Tensor _order;
    private readonly Tensor _anchors;
    private readonly Tensor _inputs;
    private readonly Tensor? _noise;

    public Pass(Tensor anchors, Tensor inputs, int batchSize, double noise, Generator random)
    {
        _batchSize = batchSize;
        _order = randperm(anchors.shape[0], generator: random);
        _anchors = anchors.index_select(0, _order);
        _inputs = inputs.index_select(0, _order);
        if (noise > 0)
            _noise = Noise(noise, anchors.dtype, random);
    }

    public int Batches => (int)_order.shape[0] / _batchSize;

    /// <summary>Sample ids (B), anchors and inputs (B, D), and the pairs with the noise of their similarities.</summary>
    public (Tensor Ids, Tensor Anchors, Tensor Inputs, PairMap Pairs) Batch(int index)
    {
        var pairs = PairMap.Diagonal(_batchSize);
        return (
            Slice(_order, index),
            Slice(_anchors, index),
            Slice(_inputs, index),
            _noise is null ? pairs : pairs.WithLogitBias(_noise[index]));
    }

    /// <summary>σ n_ij - σ²/2 at the negatives and 0 at the positives: E exp(noise) = 1, so that Z_i keeps its expectation.</summary>
    private Tensor Noise(double sigma, ScalarType dtype, Generator random)
    {
        var noise = randn(Batches, _batchSize, _batchSize, dtype: dtype, generator: random).Times(sigma).Plus(-sigma * sigma / 2);
        noise.diagonal(0, 1, 2).fill_(Scalars.Zero);
        return noise;
    }

    private Tensor Slice(Tensor tensor, int index) => tensor.narrow(0, (long)index * _batchSize, _batchSize);
}
