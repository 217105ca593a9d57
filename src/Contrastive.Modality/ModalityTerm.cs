using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>One named part of a loss.</summary>
/// <param name="Name">The name to log it by, such as <c>consistency.cross_modal</c>.</param>
/// <param name="Weight">The weight it has in the total.</param>
/// <param name="Value">Its value before the weight, a scalar without a graph.</param>
public sealed record ModalityTerm(string Name, double Weight, Tensor Value)
{
    /// <summary>
    /// The anchors of a contrast that were skipped for want of a negative (<see cref="MissingPairs.Skip"/>), both directions
    /// together; 0 for terms that are no contrast.
    /// </summary>
    public long SkippedAnchors { get; init; }
}
