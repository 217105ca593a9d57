using System.Text.Json;

namespace Contrastive.Samples.ShapesClip.Models;

/// <summary><c>model.json</c>: what is needed to use the weights beside it, here or in another program.</summary>
/// <param name="Format">Which layout this is.</param>
/// <param name="Version">Of the library that trained.</param>
/// <param name="Weights">The weights' file.</param>
/// <param name="Picture">What the image tower takes.</param>
/// <param name="Tokenizer">What the text tower takes.</param>
/// <param name="Towers">Their sizes.</param>
/// <param name="Temperature">τ at the end of training: a similarity over it is a logit.</param>
/// <param name="Run">Which run of the experiment.</param>
/// <param name="Settings">Of the whole experiment.</param>
public sealed record ModelDescription(
    string Format,
    string Version,
    WeightsSum Weights,
    PictureDescription Picture,
    TokenizerDescription Tokenizer,
    TowerDescription Towers,
    double Temperature,
    RunKey Run,
    JsonElement Settings)
    : IModelDescription
{
    public const string CurrentFormat = "contrastive-shapes-clip-1";

    string IModelDescription.WeightsChecksum => Weights.Sha256;

    internal TowerSizes Sizes => new(
        Picture.Side, Towers.ImageWidth, Towers.TextWidth, Towers.TextDepth, Towers.Encoding, Towers.Features, Towers.Independent, Tokenizer.Vocabulary);
}

/// <param name="File">In the same folder.</param>
/// <param name="Sha256">Of its content, in hexadecimal.</param>
public sealed record WeightsSum(string File, string Sha256);

/// <param name="Side">Pixels a side.</param>
/// <param name="Fit">How a picture becomes a square.</param>
/// <param name="Channels">Their order.</param>
/// <param name="Divisor">What bytes are divided by.</param>
/// <param name="Mean">Then subtracted. The image tower does so itself, as the rest.</param>
/// <param name="Deviation">Then divided by.</param>
public sealed record PictureDescription(int Side, string Fit, string Channels, double Divisor, double Mean, double Deviation)
{
    public static PictureDescription Of(int side) => new(side, "shorter side resized, centre cropped", "rgb", 255, ImageTower.Mean, ImageTower.Deviation);
}

/// <param name="Kind">Which.</param>
/// <param name="LowerCase">Whether case is ignored.</param>
/// <param name="LongestText">In tokens.</param>
/// <param name="Vocabulary">All tokens by id.</param>
public sealed record TokenizerDescription(string Kind, bool LowerCase, int LongestText, IReadOnlyList<string> Vocabulary)
{
    public static TokenizerDescription Of(CaptionTokenizer tokenizer)
        => new("bert-wordpiece", true, CaptionTokenizer.LongestText, tokenizer.Vocabulary);
}

public sealed record TowerDescription(int ImageWidth, int TextWidth, int TextDepth, int Encoding, int Features, bool Independent)
{
    public static TowerDescription Of(TowerSizes sizes)
        => new(sizes.ImageWidth, sizes.TextWidth, sizes.TextDepth, sizes.Encoding, sizes.Features, sizes.Independent);
}
