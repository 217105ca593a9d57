using Contrastive.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Samples;

/// <summary>Self-attention and a two-layer perceptron, each on normalised input and added to it: (N, L, W) to (N, L, W).</summary>
public sealed class TransformerBlock : nn.Module<Tensor, Tensor, Tensor>
{
    public const int Heads = 4;

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
        x = x.Plus(projection.forward(Attend(attention.forward(norm1.forward(x)), mask)));
        return x.Plus(contract.forward(F.gelu(expand.forward(norm2.forward(x))))).MoveToOuterDisposeScope();
    }

    /// <summary>What tokens find among themselves: queries, keys and values (N, L, 3W) to (N, L, W), or to (N, 1, W).</summary>
    /// <param name="projected">The three of each token, side by side.</param>
    /// <param name="mask">As <see cref="forward"/> has it.</param>
    /// <param name="onlyFirst">Whether the first token alone looks.</param>
    public static Tensor Attend(Tensor projected, Tensor mask, bool onlyFirst = false)
    {
        var (n, length, width) = (projected.shape[0], onlyFirst ? 1 : projected.shape[1], projected.shape[2] / 3);
        var parts = Parts(projected, 3);
        return F.scaled_dot_product_attention(parts[0].narrow(2, 0, length), parts[1], parts[2], mask).transpose(1, 2).reshape(n, length, width);
    }

    /// <summary>(N, L, count · W) to so many of (N, heads, L, W / heads).</summary>
    public static Tensor[] Parts(Tensor projected, int count)
    {
        var (n, length, width) = (projected.shape[0], projected.shape[1], projected.shape[2] / count);
        return projected.view(n, length, count, Heads, width / Heads).permute(2, 0, 3, 1, 4).unbind(0);
    }
}
