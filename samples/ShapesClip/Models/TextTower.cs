using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>
/// Token ids (N, L) to encodings (N, E): a pre-norm transformer and the mean over its tokens. Padding is
/// masked, so it changes nothing.
/// </summary>
internal sealed class TextTower : nn.Module<Tensor, Tensor>
{
    private readonly Embedding tokens;
    private readonly Embedding positions;
    private readonly ModuleList<TransformerBlock> blocks;
    private readonly LayerNorm norm;
    private readonly Linear output;
    private readonly int _padding;

    /// <param name="longest">The greatest L.</param>
    /// <param name="width">Of each token's vector.</param>
    /// <param name="depth">Blocks.</param>
    /// <param name="encoding">E.</param>
    public TextTower(int vocabulary, int padding, int longest, int width, int depth, int encoding)
        : base(nameof(TextTower))
    {
        _padding = padding;
        tokens = nn.Embedding(vocabulary, width);
        positions = nn.Embedding(longest, width);
        blocks = nn.ModuleList(Enumerable.Range(0, depth).Select(_ => new TransformerBlock(width)).ToArray());
        norm = nn.LayerNorm(width);
        output = nn.Linear(width, encoding);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        using var padding = ((long)_padding).ToScalar();
        var real = input.ne(padding);
        var mask = real.unsqueeze(1).unsqueeze(1);
        var places = TensorArithmetic.Range(0, input.shape[1], input.device);
        var x = tokens.forward(input).Plus(positions.forward(places));
        foreach (var block in blocks)
            x = block.forward(x, mask);
        var weights = real.to(x.dtype).unsqueeze(2);
        var mean = (norm.forward(x) * weights).sum(dim: 1) / weights.sum(dim: 1);
        return nn.functional.gelu(output.forward(mean)).MoveToOuterDisposeScope();
    }
}
