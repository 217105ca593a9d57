using Contrastive.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Samples;

/// <summary>Whether a block looks at others' tokens too.</summary>
public enum CrossAttention
{
    None,

    /// <summary>With keys and values of its own.</summary>
    Own,

    /// <summary>With keys and values that another block's <see cref="TransformerBlock.Look"/> makes.</summary>
    Shared,
}

/// <summary>Others' tokens as a block looks at them.</summary>
/// <param name="Keys">(N, heads, P, W / heads).</param>
/// <param name="Values">The same.</param>
/// <param name="Mask">(N, 1, 1, P), true where there is a token; null where all are.</param>
public sealed record Others(Tensor Keys, Tensor Values, Tensor? Mask);

/// <summary>
/// Self-attention, cross-attention where it is asked for, and a two-layer perceptron, each on normalised input and added to it: (N, L, W) to
/// (N, L, W).
/// </summary>
public sealed class TransformerBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private const int Heads = 4;

    private readonly LayerNorm norm1;
    private readonly Linear attention;
    private readonly Linear projection;
    private readonly LayerNorm? norm_cross;
    private readonly Linear? query;
    private readonly Linear? key_value;
    private readonly Linear? projection_cross;
    private readonly LayerNorm norm2;
    private readonly Linear expand;
    private readonly Linear contract;

    public TransformerBlock(int width, CrossAttention cross = CrossAttention.None)
        : base(nameof(TransformerBlock))
    {
        norm1 = nn.LayerNorm(width);
        attention = nn.Linear(width, 3 * width);
        projection = nn.Linear(width, width);
        if (cross != CrossAttention.None)
        {
            norm_cross = nn.LayerNorm(width);
            query = nn.Linear(width, width);
            projection_cross = nn.Linear(width, width);
            if (cross == CrossAttention.Own)
                key_value = nn.Linear(width, 2 * width);
        }

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
        return Perceptron(Self(x, mask)).MoveToOuterDisposeScope();
    }

    /// <param name="x">(N, L, W).</param>
    /// <param name="mask">(N, 1, 1, L) or (1, 1, L, L): true where there is a token to look at.</param>
    /// <param name="others">What the tokens look at beside themselves.</param>
    /// <param name="seen">Is given the weights of that look, (N, heads, L, P).</param>
    public Tensor forward(Tensor x, Tensor mask, Others others, Action<Tensor>? seen = null)
    {
        using var scope = NewDisposeScope();
        x = Self(x, mask);
        var (n, length, width) = (x.shape[0], x.shape[1], x.shape[2]);
        var asked = query!.forward(norm_cross!.forward(x)).view(n, length, Heads, width / Heads).transpose(1, 2);
        if (seen is not null)
            seen(asked.matmul(others.Keys.transpose(2, 3)).Times(1 / Math.Sqrt(width / Heads)).softmax(-1));
        var found = F.scaled_dot_product_attention(asked, others.Keys, others.Values, others.Mask);
        x = x.Plus(projection_cross!.forward(found.transpose(1, 2).reshape(n, length, width)));
        return Perceptron(x).MoveToOuterDisposeScope();
    }

    /// <summary>Makes tokens ready to be looked at, by this block and those that share its keys and values.</summary>
    /// <param name="tokens">(N, P, W).</param>
    /// <param name="mask">(N, 1, 1, P), or null.</param>
    public Others Look(Tensor tokens, Tensor? mask = null)
    {
        var (n, length, width) = (tokens.shape[0], tokens.shape[1], tokens.shape[2]);
        var parts = key_value!.forward(tokens).view(n, length, 2, Heads, width / Heads).permute(2, 0, 3, 1, 4).unbind(0);
        return new Others(parts[0], parts[1], mask);
    }

    private Tensor Self(Tensor x, Tensor mask)
    {
        var (n, length, width) = (x.shape[0], x.shape[1], x.shape[2]);
        // (N, L, 3W) to three of (N, heads, L, W / heads).
        var parts = attention.forward(norm1.forward(x)).view(n, length, 3, Heads, width / Heads).permute(2, 0, 3, 1, 4).unbind(0);
        var seen = F.scaled_dot_product_attention(parts[0], parts[1], parts[2], mask);
        return x.Plus(projection.forward(seen.transpose(1, 2).reshape(n, length, width)));
    }

    private Tensor Perceptron(Tensor x) => x.Plus(contract.forward(F.gelu(expand.forward(norm2.forward(x)))));
}
