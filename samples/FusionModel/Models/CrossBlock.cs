using Contrastive.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Contrastive.Samples.FusionModel.Models;

/// <summary>Others' tokens as a block looks at them.</summary>
/// <param name="Keys">(N, heads, P, W / heads).</param>
/// <param name="Values">The same.</param>
/// <param name="Mask">(N, 1, 1, P), true where there is a token; null where all are.</param>
internal sealed record Others(Tensor Keys, Tensor Values, Tensor? Mask)
{
    /// <summary>Those of some rows, in their order.</summary>
    public Others At(Tensor rows) => new(Keys.index_select(0, rows), Values.index_select(0, rows), Mask?.index_select(0, rows));
}

/// <summary>
/// A <see cref="TransformerBlock"/> that looks at others' tokens too, between its self-attention and its perceptron: (N, L, W) to (N, L, W).
/// </summary>
internal sealed class CrossBlock : nn.Module
{
    // In this order they are drawn and saved.
    private readonly LayerNorm norm1;
    private readonly Linear attention;
    private readonly Linear projection;
    private readonly LayerNorm norm_cross;
    private readonly Linear query;
    private readonly Linear? key_value;
    private readonly Linear projection_cross;
    private readonly LayerNorm norm2;
    private readonly Linear expand;
    private readonly Linear contract;

    /// <param name="width">W.</param>
    /// <param name="shared">Whether it looks with keys and values that another block's <see cref="Look"/> makes.</param>
    public CrossBlock(int width, bool shared = false)
        : base(nameof(CrossBlock))
    {
        norm1 = nn.LayerNorm(width);
        attention = nn.Linear(width, 3 * width);
        projection = nn.Linear(width, width);
        norm_cross = nn.LayerNorm(width);
        query = nn.Linear(width, width);
        projection_cross = nn.Linear(width, width);
        if (!shared)
            key_value = nn.Linear(width, 2 * width);
        norm2 = nn.LayerNorm(width);
        expand = nn.Linear(width, 2 * width);
        contract = nn.Linear(2 * width, width);
        RegisterComponents();
    }

    /// <param name="x">(N, L, W).</param>
    /// <param name="mask">(N, 1, 1, L), or (1, 1, L, L) where all tokens are asked for: true where there is a token to look at.</param>
    /// <param name="others">What the tokens look at beside themselves.</param>
    /// <param name="onlyFirst">Whether only the first token is asked for: (N, 1, W).</param>
    /// <param name="seen">Is given the weights of that look, (N, heads, L, P).</param>
    public Tensor forward(Tensor x, Tensor mask, Others others, bool onlyFirst = false, Action<Tensor>? seen = null)
    {
        using var scope = NewDisposeScope();
        var found = projection.forward(TransformerBlock.Attend(attention.forward(norm1.forward(x)), mask, onlyFirst));
        x = (onlyFirst ? x.narrow(1, 0, 1) : x).Plus(found);
        var (n, length, width) = (x.shape[0], x.shape[1], x.shape[2]);
        var asked = query.forward(norm_cross.forward(x)).view(n, length, TransformerBlock.Heads, width / TransformerBlock.Heads).transpose(1, 2);
        if (seen is not null)
            seen(asked.matmul(others.Keys.transpose(2, 3)).Times(1 / Math.Sqrt(width / TransformerBlock.Heads)).softmax(-1));
        found = F.scaled_dot_product_attention(asked, others.Keys, others.Values, others.Mask);
        x = x.Plus(projection_cross.forward(found.transpose(1, 2).reshape(n, length, width)));
        return x.Plus(contract.forward(F.gelu(expand.forward(norm2.forward(x))))).MoveToOuterDisposeScope();
    }

    /// <summary>Makes tokens ready to be looked at, by this block and those that share its keys and values.</summary>
    /// <param name="tokens">(N, P, W).</param>
    /// <param name="mask">(N, 1, 1, P), or null.</param>
    public Others Look(Tensor tokens, Tensor? mask = null)
    {
        var parts = TransformerBlock.Parts(key_value!.forward(tokens), 2);
        return new Others(parts[0], parts[1], mask);
    }
}
