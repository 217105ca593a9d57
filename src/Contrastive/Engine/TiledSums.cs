using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Sums over several tiles, added up in place in tensors of the dispose scope they were created in. No graph.</summary>
internal sealed class TiledSums : SumAccumulator
{
    private readonly long origin;
    private readonly Tensor known;
    private readonly Tensor sampled;
    private readonly Tensor positive;

    /// <param name="origin">The first anchor.</param>
    /// <param name="count">How many.</param>
    /// <param name="like">Features whose device and dtype the sums have.</param>
    public TiledSums(long origin, long count, Tensor like)
    {
        this.origin = origin;
        known = Filled(Scalars.NegativeInfinity);
        sampled = Filled(Scalars.NegativeInfinity);
        positive = Filled(Scalars.Zero);

        Tensor Filled(Scalar value) => full(count, value, dtype: like.dtype, device: like.device);
    }

    public override void AddSampled(long first, Tensor log) => LogAdd(sampled, first, log);

    public override void AddKnown(long first, Tensor log) => LogAdd(known, first, log);

    public override void AddPositive(long first, Tensor logits)
        => positive.narrow(0, first - origin, logits.shape[0]).add_(logits, Scalars.One);

    public override PairSums ToSums() => new(known, sampled, positive);

    private void LogAdd(Tensor total, long first, Tensor log)
    {
        var part = total.narrow(0, first - origin, log.shape[0]);
        part.copy_(part.logaddexp(log));
    }
}
