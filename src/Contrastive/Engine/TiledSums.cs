using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>Sums over several tiles, added up in place in tensors of the dispose scope they were created in. No graph.</summary>
internal sealed class TiledSums : SumAccumulator
{
    private readonly long _origin;

    /// <param name="origin">The first anchor.</param>
    /// <param name="count">How many.</param>
    /// <param name="like">Features whose device and dtype the sums have.</param>
    /// <param name="exponents">How tiles hold exponentials, if they do.</param>
    public TiledSums(long origin, long count, Tensor like, Exponents? exponents)
        : base(exponents)
    {
        _origin = origin;
        Known = Filled(Scalars.NegativeInfinity);
        Sampled = Filled(exponents is null ? Scalars.NegativeInfinity : Scalars.Zero);
        Positive = Filled(Scalars.Zero);

        Tensor Filled(Scalar value) => full(count, value, dtype: like.dtype, device: like.device);
    }

    protected override Tensor Known { get; }

    protected override Tensor Sampled { get; }

    protected override Tensor Positive { get; }

    public override void AddKnown(long first, Tensor log) => LogAdd(Known, first, log);

    public override void AddSampled(long first, Tensor sums)
    {
        if (OfExponentials) Add(Sampled, first, sums);
        else LogAdd(Sampled, first, sums);
    }

    public override void AddPositive(long first, Tensor logits) => Add(Positive, first, logits);

    private void Add(Tensor total, long first, Tensor values)
        => total.narrow(0, first - _origin, values.shape[0]).add_(values, Scalars.One);

    private void LogAdd(Tensor total, long first, Tensor log)
    {
        var part = total.narrow(0, first - _origin, log.shape[0]);
        part.copy_(part.logaddexp(log));
    }
}
