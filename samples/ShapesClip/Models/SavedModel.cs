using System.Text.Json;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>A trained pair of towers and how to use them, as a <see cref="ModelFolder"/> has them.</summary>
internal sealed record SavedModel(TowerPair Towers, ModelDescription Description) : IDisposable
{
    public static void Save(string folder, TowerPair towers, RunKey key, ShapesSettings settings, double temperature)
        => ModelFolder.Save(folder, towers, sum => new ModelDescription(
            ModelDescription.CurrentFormat,
            typeof(InfoNCELoss).Assembly.GetName().Version!.ToString(3),
            new WeightsSum(ModelFolder.WeightsName, sum),
            PictureDescription.Of(towers.Sizes.Side),
            TokenizerDescription.Of(towers.Tokenizer),
            TowerDescription.Of(towers.Sizes),
            temperature,
            key,
            JsonSerializer.SerializeToElement(settings, SampleJson.Exact)));

    /// <param name="folder">A model's folder, or an experiment's with one model in it.</param>
    /// <exception cref="UserError">There is no model, there are several, or it is damaged or of another version.</exception>
    public static SavedModel Load(string folder, Device device)
    {
        folder = ModelFolder.Find(folder);
        var description = ModelFolder.Read<ModelDescription>(folder, ModelDescription.CurrentFormat);
        if (description.Picture != PictureDescription.Of(description.Picture.Side))
            throw new UserError($"{folder}: takes {description.Picture} but this version gives {PictureDescription.Of(description.Picture.Side)}");
        return new SavedModel(ModelFolder.Load(folder, description, random => new TowerPair(description.Sizes, random, random), device), description);
    }

    public void Dispose() => Towers.Dispose();
}

/// <summary><c>model.json</c>: what is needed to use the weights beside it, here or in another program.</summary>
/// <param name="Version">Of the library that trained.</param>
/// <param name="Picture">What the image tower takes.</param>
/// <param name="Tokenizer">What the text tower takes.</param>
/// <param name="Temperature">τ at the end of training: a similarity over it is a logit.</param>
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
