using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Models;

/// <summary>
/// Pictures (N, 3, S, S) in [0, 1], S divisible by 8, to encodings (N, E): three convolutions of stride 2 and a linear layer
/// over all places, since where a thing is matters. Group normalisation, because batch normalisation would make a picture's
/// encoding depend on the others of its batch, and batch size is what is studied here.
/// </summary>
internal sealed class ImageTower : nn.Module<Tensor, Tensor>
{
    private const int Groups = 8;

    private readonly Sequential layers;

    /// <param name="side">S, pixels a side.</param>
    /// <param name="width">Channels after the first convolution, divisible by 8; each further one doubles them.</param>
    /// <param name="encoding">E.</param>
    public ImageTower(int side, int width, int encoding)
        : base(nameof(ImageTower))
    {
        layers = nn.Sequential(
            [.. Block(3, width), .. Block(width, 2 * width), .. Block(2 * width, 4 * width),
                nn.Flatten(), nn.Linear(4 * width * (side / 8) * (side / 8), encoding), nn.GELU()]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return layers.forward(input).MoveToOuterDisposeScope();
    }

    private static nn.Module<Tensor, Tensor>[] Block(int inputs, int outputs)
        => [nn.Conv2d(inputs, outputs, 3, stride: 2, padding: 1), nn.GroupNorm(Groups, outputs), nn.ReLU()];
}
