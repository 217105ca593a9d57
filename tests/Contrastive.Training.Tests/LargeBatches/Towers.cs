using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

/// <summary>Two small towers in float64 with several dropout layers, and a batch for them.</summary>
internal sealed class Towers : IDisposable
{
    public Towers(long count, double dropout = 0.4, bool batchNorm = false, long captions = 1)
    {
        Count = count;
        Left = Tower(5, dropout, batchNorm);
        Right = Tower(6, dropout, batchNorm);
        Fill(Left, 11);
        Fill(Right, 12);
        (Images, Texts) = (Draw.Normal(1, count, 5), Draw.Normal(2, count * captions, 6));
        Captions = captions;
    }

    public long Count { get; }

    public long Captions { get; }

    public Sequential Left { get; }

    public Sequential Right { get; }

    public Tensor Images { get; }

    public Tensor Texts { get; }

    public nn.Module[] Modules => [Left, Right];

    public IEnumerable<Parameter> Parameters => Left.parameters().Concat(Right.parameters());

    public (Tensor Anchors, Tensor Candidates) Encode(long first, long count) => (
        Left.forward(Images.narrow(0, first, count)),
        Right.forward(Texts.narrow(0, first * Captions, count * Captions)));

    /// <summary>The same micro-batches with their graph, put together: what a plain step would see.</summary>
    public (Tensor Anchors, Tensor Candidates) EncodeAll(long microBatch)
    {
        var parts = new List<(Tensor, Tensor)>();
        for (long first = 0; first < Count; first += microBatch) parts.Add(Encode(first, Math.Min(microBatch, Count - first)));
        return (cat([.. parts.Select(part => part.Item1)]), cat([.. parts.Select(part => part.Item2)]));
    }

    public void ZeroGradients()
    {
        Left.zero_grad();
        Right.zero_grad();
    }

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
        Images.Dispose();
        Texts.Dispose();
    }

    private static Sequential Tower(long width, double dropout, bool batchNorm)
    {
        var layers = new List<(string, nn.Module<Tensor, Tensor>)> { ("first", nn.Linear(width, 8)) };
        if (batchNorm) layers.Add(("norm", nn.BatchNorm1d(8)));
        layers.AddRange([
            ("one", nn.Dropout(dropout)), ("act", nn.Tanh()), ("second", nn.Linear(8, 8)),
            ("two", nn.Dropout(dropout)), ("relu", nn.GELU()), ("last", nn.Linear(8, 4)), ("three", nn.Dropout(dropout / 2)),
        ]);
        var tower = nn.Sequential(layers);
        tower.to(ScalarType.Float64);
        return tower;
    }

    private static void Fill(nn.Module module, long seed)
    {
        using var constant = no_grad();
        foreach (var parameter in module.parameters())
        {
            using var values = Draw.Normal(seed++, parameter.shape);
            parameter.copy_(values);
            parameter.mul_(0.5);
        }
    }
}
