using Contrastive.Modality;
using Contrastive.Numerics;
using Contrastive.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples.FusionModel.Models;

/// <summary>The sizes of a model.</summary>
/// <param name="Side">Pixels a side of a picture, a multiple of 8.</param>
/// <param name="Width">Of each token.</param>
/// <param name="Layers">Of each of the three encoders.</param>
/// <param name="Features">D, of the space that pictures and texts share.</param>
/// <param name="Boxes">K, the pictures that a text is about.</param>
/// <param name="Vocabulary">All tokens by id.</param>
internal sealed record FusionSizes(int Side, int Width, int Layers, int Features, int Boxes, IReadOnlyList<string> Vocabulary);

/// <summary>A text's tokens and where there are any.</summary>
/// <param name="States">(N, L, W).</param>
/// <param name="Mask">(N, 1, 1, L).</param>
internal sealed record TextStates(Tensor States, Tensor Mask)
{
    /// <summary>Those of some rows, in their order.</summary>
    public TextStates At(Tensor rows) => new(States.index_select(0, rows), Mask.index_select(0, rows));
}

/// <summary>Pictures as the multimodal encoder looks at them: made once, however many texts look.</summary>
/// <param name="Layers">One of each layer.</param>
internal sealed record PictureStates(IReadOnlyList<Others> Layers)
{
    /// <summary>Those of some rows, in their order.</summary>
    public PictureStates At(Tensor rows) => new([.. Layers.Select(layer => layer.At(rows))]);
}

/// <summary>
/// Image encoder, text encoder and a multimodal encoder in which the text's tokens look at the picture's (ALBEF, J. Li et al. 2021), with heads for
/// the contrast, for matching and for masked words. Of several pictures, each multimodal block is followed by one for each further
/// picture, which shares its keys and values.
/// </summary>
internal sealed class FusionNet : nn.Module
{
    private const int Patch = 8;

    private readonly Sequential patches;
    private readonly Embedding places;
    private readonly ModuleList<TransformerBlock> image_blocks;
    private readonly LayerNorm image_norm;
    private readonly Embedding tokens;
    private readonly Embedding positions;
    private readonly ModuleList<TransformerBlock> text_blocks;
    private readonly LayerNorm text_norm;
    private readonly ModuleList<ModuleList<CrossBlock>> fusion_blocks;
    private readonly LayerNorm fusion_norm;
    private readonly SeparatedHeads image_heads;
    private readonly SeparatedHeads text_heads;
    private readonly Linear match;
    private readonly Linear words;
    private readonly Linear? assign;
    private readonly int _padding;

    public FusionNet(FusionSizes sizes, Generator random)
        : base(nameof(FusionNet))
    {
        Sizes = sizes;
        Tokenizer = new CaptionTokenizer(sizes.Vocabulary);
        _padding = Tokenizer.Padding;
        var width = sizes.Width;
        // A patch of 8 x 8 by three small convolutions: a single one learns far slower.
        patches = nn.Sequential(
            nn.Conv2d(3, width / 4, 3, stride: 2, padding: 1), nn.ReLU(),
            nn.Conv2d(width / 4, width / 2, 3, stride: 2, padding: 1), nn.ReLU(),
            nn.Conv2d(width / 2, width, 3, stride: 2, padding: 1));
        var side = sizes.Side / Patch;
        places = nn.Embedding(1 + side * side, width);
        image_blocks = Blocks(() => new TransformerBlock(width));
        image_norm = nn.LayerNorm(width);
        tokens = nn.Embedding(sizes.Vocabulary.Count, width);
        positions = nn.Embedding(CaptionTokenizer.LongestText, width);
        text_blocks = Blocks(() => new TransformerBlock(width));
        text_norm = nn.LayerNorm(width);
        fusion_blocks = nn.ModuleList(Enumerable.Range(0, sizes.Layers).Select(_ => nn.ModuleList(Enumerable.Range(0, sizes.Boxes)
            .Select(box => new CrossBlock(width, shared: box > 0)).ToArray())).ToArray());
        fusion_norm = nn.LayerNorm(width);
        image_heads = new SeparatedHeads(width, sizes.Features);
        text_heads = new SeparatedHeads(width, sizes.Features);
        match = nn.Linear(width, 2);
        words = nn.Linear(width, sizes.Vocabulary.Count);
        if (sizes.Boxes > 1)
            assign = nn.Linear(width, sizes.Boxes + 1);
        RegisterComponents();
        SeededWeights.Draw(this, random);
        foreach (var layer in fusion_blocks)
            FollowFirst(layer);

        ModuleList<TransformerBlock> Blocks(Func<TransformerBlock> block) => nn.ModuleList(Enumerable.Range(0, sizes.Layers).Select(_ => block()).ToArray());
    }

    public FusionSizes Sizes { get; }

    public CaptionTokenizer Tokenizer { get; }

    /// <param name="pictures">(N, 3, S, S) bytes.</param>
    /// <returns>(N, 1 + P, W): a class token and the patches.</returns>
    public Tensor Image(Tensor pictures)
    {
        using var scope = NewDisposeScope();
        var pixels = pictures.to(ScalarType.Float32).Times(1 / 64.0).Plus(-2);
        var found = patches.forward(pixels).flatten(2).transpose(1, 2);
        var x = cat([zeros(found.shape[0], 1, found.shape[2], device: found.device), found], 1)
            .Plus(places.forward(TensorArithmetic.Range(0, found.shape[1] + 1, found.device)));
        using var all = ones(1, 1, 1, x.shape[1], dtype: ScalarType.Bool, device: x.device);
        foreach (var block in image_blocks)
            x = block.forward(x, all);
        return image_norm.forward(x).MoveToOuterDisposeScope();
    }

    /// <param name="ids">(N, L) tokens.</param>
    public TextStates Text(Tensor ids)
    {
        using var scope = NewDisposeScope();
        using var padding = ((long)_padding).ToScalar();
        var mask = ids.ne(padding).unsqueeze(1).unsqueeze(1);
        var x = tokens.forward(ids).Plus(positions.forward(TensorArithmetic.Range(0, ids.shape[1], ids.device)));
        foreach (var block in text_blocks)
            x = block.forward(x, mask);
        return new TextStates(text_norm.forward(x).MoveToOuterDisposeScope(), mask.MoveToOuterDisposeScope());
    }

    /// <param name="image">(N, P, W), of <see cref="Image"/>.</param>
    public PictureStates Look(Tensor image) => new([.. fusion_blocks.Select(layer => layer[0].Look(image))]);

    /// <summary>The text's tokens after they looked at the pictures.</summary>
    /// <param name="pictures">K of them, each of N rows.</param>
    /// <param name="text">Of the texts.</param>
    /// <param name="onlyFirst">Whether only the first token is asked for: the last block makes no other.</param>
    /// <param name="seen">Is given the weights of the last look at each picture, (N, heads, L, P), in order.</param>
    /// <returns>(N, L, W), or (N, 1, W); the first token stands for the whole.</returns>
    public Tensor Fuse(IReadOnlyList<PictureStates> pictures, TextStates text, bool onlyFirst = false, Action<Tensor>? seen = null)
    {
        using var scope = NewDisposeScope();
        var x = text.States;
        for (var layer = 0; layer < fusion_blocks.Count; layer++)
        {
            var isLast = layer == fusion_blocks.Count - 1;
            for (var box = 0; box < pictures.Count; box++)
                x = fusion_blocks[layer][box].forward(x, text.Mask, pictures[box].Layers[layer], onlyFirst && isLast && box == pictures.Count - 1, isLast ? seen : null);
        }

        return fusion_norm.forward(x).MoveToOuterDisposeScope();
    }

    /// <summary>What the contrast and the structures see of pictures or texts; the independent features where they are asked for.</summary>
    public (Tensor Shared, Tensor Independent) ImageFeatures(Tensor image) => image_heads.forward(Class(image));

    public (Tensor Shared, Tensor Independent) TextFeatures(TextStates text) => text_heads.forward(Class(text.States));

    /// <summary>(P, 2): does not match, matches.</summary>
    public Tensor Match(Tensor fused) => match.forward(Class(fused));

    /// <param name="states">(P, W), of the masked words.</param>
    /// <returns>(P, V).</returns>
    public Tensor Words(Tensor states) => words.forward(states);

    /// <summary>(P, K + 1), of a model of several boxes: to which picture the text belongs, or to none.</summary>
    public Tensor Assign(Tensor fused) => assign!.forward(Class(fused));

    public static Tensor Class(Tensor states) => states.select(1, 0);

    /// <summary>
    /// Takes the weights of a pretrained model, whose words come first in this one's vocabulary. Blocks of pictures that it lacks start as that of
    /// the first, and those that only it has are left, with what it assigned texts with.
    /// </summary>
    public void TakeFrom(FusionNet pretrained)
    {
        using var constant = no_grad();
        using var scope = NewDisposeScope();
        Copy(pretrained, this, except: nameof(assign));
        foreach (var layer in fusion_blocks)
            FollowFirst(layer, pretrained.Sizes.Boxes);
    }

    /// <summary>Copies the weights that both have, as many rows as both have, but of parts whose names begin as the exception.</summary>
    public static void Copy(nn.Module from, nn.Module to, string except)
    {
        var own = to.named_parameters().ToDictionary(named => named.name, named => named.parameter);
        foreach (var (name, weights) in from.named_parameters().Where(named => own.ContainsKey(named.name) && !named.name.StartsWith(except, StringComparison.Ordinal)))
        {
            var rows = own[name].narrow(0, 0, Math.Min(own[name].shape[0], weights.shape[0]));
            rows.copy_(weights.narrow(0, 0, rows.shape[0]));
        }
    }

    /// <summary>Blocks of further pictures, beyond those that are known, start as that of the first.</summary>
    private static void FollowFirst(ModuleList<CrossBlock> layer, int known = 1)
    {
        using var constant = no_grad();
        var first = layer[0].named_parameters().ToDictionary(named => named.name, named => named.parameter);
        foreach (var block in layer.Skip(known))
        {
            foreach (var (name, weights) in block.named_parameters())
                weights.copy_(first[name]);
        }
    }
}
