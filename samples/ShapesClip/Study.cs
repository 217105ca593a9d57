namespace Contrastive.Samples.ShapesClip;

/// <summary>The experiments that come as commands of their own.</summary>
internal enum Study
{
    /// <summary>Whatever the options ask for.</summary>
    None,

    /// <summary>Does the decomposable loss at half the batch size match InfoNCE?</summary>
    BatchSize,

    /// <summary>What does each structure keep, and what does it cost?</summary>
    Structures,
}
