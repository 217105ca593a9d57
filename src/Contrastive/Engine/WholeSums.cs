using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Sums over a matrix that is one tile: what it brings stays as it came, graph and all.</summary>
/// <param name="count">How many anchors.</param>
/// <param name="like">Features whose device and dtype the sums have.</param>
internal sealed class WholeSums(long count, Tensor like) : SumAccumulator
{
    private Tensor? known;
    private Tensor? sampled;
    private Tensor? positive;

    public override void AddSampled(long first, Tensor log) => sampled = Place(sampled, first, log, Scalars.NegativeInfinity);

    public override void AddKnown(long first, Tensor log) => known = Place(known, first, log, Scalars.NegativeInfinity);

    public override void AddPositive(long first, Tensor logits) => positive = Place(positive, first, logits, Scalars.Zero);

    public override PairSums ToSums() => new(
        known ?? Filled(Scalars.NegativeInfinity), sampled ?? Filled(Scalars.NegativeInfinity), positive ?? Filled(Scalars.Zero));

    // A diagonal's segments are of different anchors: nothing is added, only put in its place.
    private Tensor Place(Tensor? total, long first, Tensor values, Scalar elsewhere)
    {
        if (values.shape[0] == count) return values;
        total ??= Filled(elsewhere);
        total.narrow(0, first, values.shape[0]).copy_(values);
        return total;
    }

    private Tensor Filled(Scalar value) => full(count, value, dtype: like.dtype, device: like.device);
}
