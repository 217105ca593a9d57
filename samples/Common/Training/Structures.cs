using Contrastive.Modality;
using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>How much each structure weighs beside the contrastive loss, and how the bridge is built.</summary>
/// <param name="BridgeSide">Whose augmentations lie on it.</param>
/// <param name="BridgeTime">t, the weight of an augmentation's own side in its mean.</param>
/// <param name="Cyclip">Of each of CyCLIP's two consistencies; 0.25 is its authors'.</param>
public sealed record StructureWeights(
    double Separation, double Bridge, BridgeSide BridgeSide, double BridgeTime, double Consistency, double Cyclip);

/// <summary>What a run asks of the space beside bringing pairs together, by the names of the command line.</summary>
public static class Structures
{
    public const string None = "none";

    /// <summary>No structure, but the in-modal contrasts on the same augmentations: what augmentation alone brings.</summary>
    public const string FourPart = "four-part";

    /// <summary>The consistency of CyCLIP (Goel et al., NeurIPS 2022), without augmentations.</summary>
    public const string Cyclip = "cyclip";
    public const string Separation = "separation";

    /// <summary>Separation but for its orthogonality: heads that learn from in-modal contrasts and spread out, whatever the shared ones know.</summary>
    public const string TwoHeads = "two-heads";
    public const string Bridge = "bridge";
    public const string Consistency = "consistency";
    public const string All = "all";

    /// <summary>The part of the objective that draws the curve.</summary>
    public const string Curve = "contrastive.cross_modal";

    public static IReadOnlyList<string> Names { get; } = [None, FourPart, Cyclip, Separation, TwoHeads, Bridge, Consistency, All];

    public static bool NeedsAugmentation(string structure) => structure is not (None or Cyclip);

    public static bool NeedsIndependent(string structure) => structure is Separation or TwoHeads or All;

    public static bool HasBridge(string structure) => structure is Bridge or All;

    /// <param name="contrastive">The loss between the modalities.</param>
    /// <param name="independent">The temperature of the contrast of independent features.</param>
    public static CompositeLoss Create(
        string structure, ContrastiveLoss contrastive, StructureWeights weights, Temperature independent, Generator random)
        => Create(structure, new MultimodalContrastiveLoss(contrastive, includeInModal: structure == FourPart), weights, independent, random);

    /// <param name="contrastive">The contrast, in-modal ones included where the structure asks for them.</param>
    /// <param name="independent">The temperature of the contrast of independent features.</param>
    public static CompositeLoss Create(
        string structure, ModalityLoss contrastive, StructureWeights weights, Temperature independent, Generator random)
    {
        var parts = new List<(string, ModalityLoss, double)> { ("contrastive", contrastive, 1) };
        if (structure is Cyclip)
            parts.Add((Cyclip, new GeometricConsistencyLoss(augmentedWeight: 0), weights.Cyclip));
        if (NeedsIndependent(structure))
        {
            var orthogonality = structure == TwoHeads ? 0 : 1;
            parts.Add((Separation, new FeatureSeparationLoss(independent, orthogonalityWeight: orthogonality), weights.Separation));
        }

        if (HasBridge(structure))
            parts.Add((Bridge, new BrownianBridgeLoss(BridgeTime.Fixed(weights.BridgeTime), weights.BridgeSide, generator: random), weights.Bridge));
        if (structure is Consistency or All)
            parts.Add((Consistency, new GeometricConsistencyLoss(), weights.Consistency));
        return new CompositeLoss([.. parts]);
    }
}
