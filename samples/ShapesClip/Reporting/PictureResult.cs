using System.Text.Json.Serialization;

namespace Contrastive.Samples.ShapesClip.Reporting;

/// <summary>The figures of one run on the user's pictures, all of test pictures.</summary>
public sealed record PictureResult : IFinishedRun
{
    public required string Loss { get; init; }

    public required string Structure { get; init; }

    public required int BatchSize { get; init; }

    public required long Seed { get; init; }

    /// <summary>Any caption of a picture is right for it.</summary>
    public required RetrievalFigures Retrieval { get; init; }

    /// <summary>How many captions the test pictures have.</summary>
    public required long TestCaptions { get; init; }

    public required double ModalityGap { get; init; }

    /// <summary>Of each caption with its picture.</summary>
    public required double Alignment { get; init; }

    /// <summary>The mean of that of the pictures and that of the captions.</summary>
    public required double Uniformity { get; init; }

    public required RunCurves Curves { get; init; }

    [JsonIgnore]
    public RunKey Key => new(Structure, Loss, BatchSize, Seed);

    [JsonIgnore]
    public double Seconds => Curves.Seconds;
}
