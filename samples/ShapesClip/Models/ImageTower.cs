using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>
/// Pictures (N, 3, S, S) in [0, 1], S divisible by 8, to encodings (N, E): three convolutions of stride 2, then what is seen
/// (mean and maximum over all places) beside where it is (a few channels, place by place). Group normalisation, because
/// batch normalisation would make a picture's encoding depend on the others of its batch, and batch size is what is studied
/// here.
/// </summary>
internal sealed class ImageTower : nn.Module<Tensor, Tensor>
{
    private const int Groups = 8;

    // Channels of the map that tells where.
    private const int PlaceChannels = 8;

    // About the mean and the deviation of the pictures.
    public const double Mean = 0.48;
    public const double Deviation = 0.18;

    private static readonly Scalar MeanScalar = Mean.ToScalar();
    private static readonly Scalar DeviationScalar = Deviation.ToScalar();

    private readonly Sequential layers;
    private readonly Conv2d places;
    private readonly Linear output;

    /// <param name="side">S, pixels a side.</param>
    /// <param name="width">Channels after the first convolution, divisible by 8; each further one doubles them.</param>
    /// <param name="encoding">E.</param>
    public ImageTower(int side, int width, int encoding)
        : base(nameof(ImageTower))
    {
        layers = nn.Sequential([.. Block(3, width), .. Block(width, 2 * width), .. Block(2 * width, 4 * width)]);
        places = nn.Conv2d(4 * width, PlaceChannels, 1);
        output = nn.Linear(8 * width + PlaceChannels * (side / 8) * (side / 8), encoding);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var seen = layers.forward(input.sub(MeanScalar).div(DeviationScalar));
        var all = cat([seen.mean([2L, 3]), seen.amax([2L, 3]), places.forward(seen).flatten(1)], 1);
        return nn.functional.gelu(output.forward(all)).MoveToOuterDisposeScope();
    }

    private static nn.Module<Tensor, Tensor>[] Block(int inputs, int outputs)
        => [nn.Conv2d(inputs, outputs, 3, stride: 2, padding: 1), nn.GroupNorm(Groups, outputs), nn.ReLU()];
}
