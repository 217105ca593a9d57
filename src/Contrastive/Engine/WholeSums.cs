using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Sums over a matrix that is one tile: what it brings stays as it came, graph and all.</summary>
/// <param name="count">How many anchors.</param>
/// <param name="like">Features whose device and dtype the sums have.</param>
/// <param name="exponents">How the tile holds exponentials, if it does.</param>
internal sealed class WholeSums(long count, Tensor like, Exponents? exponents = null) : SumAccumulator(exponents)
{
    private Tensor? _known;
    private Tensor? _sampled;
    private Tensor? _positive;

    protected override Tensor Known => _known ?? Filled(Scalars.NegativeInfinity);

    protected override Tensor Sampled => _sampled!;

    protected override Tensor Positive => _positive ?? Filled(Scalars.Zero);

    public override void AddKnown(long first, Tensor log) => _known = Place(_known, first, log, Scalars.NegativeInfinity);

    // Of the one tile, so of every anchor.
    public override void AddSampled(long first, Tensor sums) => _sampled = sums;

    public override void AddPositive(long first, Tensor logits) => _positive = Place(_positive, first, logits, Scalars.Zero);

    // The segments of diagonals are of different anchors: nothing is added, only put in its place.
    private Tensor Place(Tensor? total, long first, Tensor values, Scalar elsewhere)
    {
        if (values.shape[0] == count) return values;
        total ??= Filled(elsewhere);
        total.narrow(0, first, values.shape[0]).copy_(values);
        return total;
    }

    private Tensor Filled(Scalar value) => full(count, value, dtype: like.dtype, device: like.device);
}
