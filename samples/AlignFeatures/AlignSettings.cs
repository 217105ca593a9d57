namespace Contrastive.Samples.AlignFeatures;

/// <summary>Everything that decides the figures of an experiment. It is written into the summary and the checkpoint.</summary>
public sealed record AlignSettings : TwoTowerSettings
{
    /// <summary>Null where the data set is made up.</summary>
    public required string? Left { get; init; }

    public required string? Right { get; init; }

    public required string? Labels { get; init; }

    /// <summary>How many items are made up without files.</summary>
    public required int Items { get; init; }

    public required int Hidden { get; init; }

    public required double TestFraction { get; init; }

    /// <summary>The standard deviation of the noise that an augmentation adds to standardised features.</summary>
    public required double Noise { get; init; }

    /// <summary>The share of features that an augmentation drops.</summary>
    public required double Dropout { get; init; }

    /// <summary>Whether runs are probed for the labels; needs labels.</summary>
    public required bool Probe { get; init; }
}
