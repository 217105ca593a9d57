using System.CommandLine;
using Contrastive.Samples.ShapesClip.Data.Pictures;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.ShapesClip;

/// <summary>The options that train on the user's own pictures.</summary>
internal sealed class PictureOptions
{
    // What the image tower divides a side by.
    private const int Multiple = 8;

    private readonly Option<string> _imageDir = new("--image-dir") { Description = "Train on the pictures of this folder instead of drawn ones", HelpName = "folder" };
    private readonly Option<string> _captions = new("--captions") { Description = "Their captions, a line image<TAB>caption each; without it captions.tsv in that folder", HelpName = "file" };
    private readonly Option<string> _pictureSize = Text("--picture-size", "64", "Pixels a side that they are resized to, a multiple of 8", "n");
    private readonly Option<string> _testShare = Text("--test-share", "0.1", "Share of them kept for testing, and as many again for validation", "x");

    public IReadOnlyList<Option> All => [_imageDir, _captions, _pictureSize, _testShare];

    /// <summary>Puts what the command line says of pictures into the settings.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="settings">For drawn shapes.</param>
    /// <param name="forDrawn">Options that mean nothing for pictures.</param>
    public ShapesSettings Into(ParseResult parsed, ShapesSettings settings, params IReadOnlyList<Option> forDrawn)
    {
        if (Name(_imageDir, parsed.GetValue(_imageDir)) is not { } folder)
        {
            Refuse([_captions, _pictureSize, _testShare], "is for pictures of your own: it needs --image-dir");
            return settings;
        }

        Refuse(forDrawn, "is for drawn shapes: it does not go with --image-dir");
        return settings with
        {
            Pairs = 0,
            ImageDir = folder,
            Captions = Name(_captions, parsed.GetValue(_captions)) ?? Path.Combine(folder, CaptionsFile.StandardName),
            PictureSize = Whole(_pictureSize, parsed.GetRequiredValue(_pictureSize), Multiple, 512) is var side && side % Multiple == 0
                ? (int)side
                : throw new UserError($"{_pictureSize.Name} must be a multiple of {Multiple} but is {side}"),
            TestShare = Real(_testShare, parsed.GetRequiredValue(_testShare), 0.001, 0.4),
        };

        void Refuse(IEnumerable<Option> options, string why)
        {
            if (options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given)
                throw new UserError($"{given.Name} {why}");
        }
    }
}
