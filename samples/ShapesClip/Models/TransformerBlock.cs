using Contrastive.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Samples.ShapesClip.Models;

/// <summary>Self-attention and a two-layer perceptron, each on normalised input and added to it: (N, L, W) to (N, L, W).</summary>
internal sealed class TransformerBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private const int Heads = 4;

    private readonly LayerNorm norm1;
    private readonly Linear attention;
    private readonly Linear projection;
    private readonly LayerNorm norm2;
    private readonly Linear expand;
    private readonly Linear contract;

    public TransformerBlock(int width)
        : base(nameof(TransformerBlock))
    {
        norm1 = nn.LayerNorm(width);
        attention = nn.Linear(width, 3 * width);
        projection = nn.Linear(width, width);
        norm2 = nn.LayerNorm(width);
        expand = nn.Linear(width, 2 * width);
        contract = nn.Linear(2 * width, width);
        RegisterComponents();
    }

    /// <param name="x">(N, L, W).</param>
    /// <param name="mask">(N, 1, 1, L): true where there is a token to look at.</param>
    public override Tensor forward(Tensor x, Tensor mask)
    {
        using var scope = NewDisposeScope();
        var (n, length, width) = (x.shape[0], x.shape[1], x.shape[2]);
        // (N, L, 3W) to three of (N, heads, L, W / heads).
        var parts = attention.forward(norm1.forward(x)).view(n, length, 3, Heads, width / Heads).permute(2, 0, 3, 1, 4).unbind(0);
        var seen = F.scaled_dot_product_attention(parts[0], parts[1], parts[2], mask);
        x = x.Plus(projection.forward(seen.transpose(1, 2).reshape(n, length, width)));
        return x.Plus(contract.forward(F.gelu(expand.forward(norm2.forward(x))))).MoveToOuterDisposeScope();
    }
}
