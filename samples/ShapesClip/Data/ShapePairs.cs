using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Data;

/// <summary>Pictures, their captions and the classes of their attributes.</summary>
/// <param name="Images">(N, 3, S, S) bytes.</param>
/// <param name="Tokens">(N, L) token ids, padded at the end.</param>
/// <param name="Classes">(N, attributes) in the order of <see cref="Attributes.All"/>.</param>
/// <param name="Captions">N texts.</param>
/// <param name="Scenes">N scenes.</param>
public sealed record ShapePairs(Tensor Images, Tensor Tokens, Tensor Classes, IReadOnlyList<string> Captions, IReadOnlyList<Scene> Scenes) : IDisposable
{
    public long Items => Images.shape[0];

    public void Dispose()
    {
        Images.Dispose();
        Tokens.Dispose();
        Classes.Dispose();
    }
}
