namespace Contrastive.Samples.ShapesClip;

/// <summary>Everything that decides the figures of an experiment. It is written into the summary and beside each run.</summary>
public sealed record ShapesSettings : TwoTowerSettings
{
    /// <summary>How many pairs are drawn for training.</summary>
    public required int Pairs { get; init; }

    public required bool LearnTemperature { get; init; }

    /// <summary>How many items the decomposable loss contrasts each one with; null for all of them.</summary>
    public long? Population { get; init; }

    /// <summary>The share of the newest batch in the decomposable loss's running estimate of log Z, at the first visit.</summary>
    public required double FirstRho { get; init; }

    /// <summary>And in the last epoch; between them it follows half a cosine.</summary>
    public required double LastRho { get; init; }

    /// <summary>Channels of the image tower's first layer.</summary>
    public required int ImageWidth { get; init; }

    /// <summary>The width of the text tower's tokens.</summary>
    public required int TextWidth { get; init; }

    public required int TextDepth { get; init; }

    /// <summary>The width of both towers' encodings.</summary>
    public required int Encoding { get; init; }

    /// <summary>The share of the steps in which the learning rate rises.</summary>
    public required double Warmup { get; init; }

    /// <summary>The least share of a side that an augmentation's crop keeps.</summary>
    public required double Crop { get; init; }

    public required double Jitter { get; init; }

    public required double Synonyms { get; init; }

    public required double Swap { get; init; }

    public required double Deletion { get; init; }

    /// <summary>Labels of each class that a few-shot probe learns from.</summary>
    public required int Shots { get; init; }

    /// <summary>What decides one run's figures: these settings without the lists that make the grid.</summary>
    internal ShapesSettings OfOneRun => this with { Losses = [], Structures = [], BatchSizes = [], Seeds = [] };
}
