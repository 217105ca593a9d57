using Contrastive.Modality;
using Contrastive.Samples.ShapesClip.Data;
using Contrastive.Samples.ShapesClip.Models;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Reporting;

/// <summary>The unit features of some pairs, as both towers see them.</summary>
internal sealed record PairFeatures(ModalityFeatures Image, ModalityFeatures Text);

/// <summary>Features of many inputs, some at a time.</summary>
internal static class Features
{
    private const long Chunk = 250;

    /// <summary>The shared ones, (N, D), of unit length.</summary>
    public static Tensor Of(Tower tower, Tensor input) => Of(tower, input, x => x).Shared;

    public static PairFeatures Of(TowerPair towers, ShapePairs pairs)
        => new(Of(towers.Image, pairs.Images, TowerPair.Prepare), Of(towers.Text, pairs.Tokens, x => x));

    /// <summary>All of them, of inputs that are prepared some at a time.</summary>
    public static ModalityFeatures Of(Tower tower, Tensor input, Func<Tensor, Tensor> prepare)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var chunks = input.split(Chunk).Select(chunk => tower.Features(prepare(chunk))).ToArray();
        return new ModalityFeatures(
            Unit(chunks.Select(chunk => chunk.Shared)),
            Independent: chunks[0].Independent is null ? null : Unit(chunks.Select(chunk => chunk.Independent!)));

        static Tensor Unit(IEnumerable<Tensor> parts)
            => nn.functional.normalize(FiniteGuard.Check(cat([.. parts], 0), "the features"), dim: 1).MoveToOuterDisposeScope();
    }
}
