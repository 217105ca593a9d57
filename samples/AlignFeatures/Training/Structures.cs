using Contrastive.Modality;
using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures.Training;

/// <summary>What a run asks of the space beside bringing pairs together, by the names of the command line.</summary>
internal static class Structures
{
    public const string None = "none";

    /// <summary>No structure, but the in-modal contrasts on the same augmentations: what augmentation alone brings.</summary>
    public const string FourPart = "four-part";
    public const string Separation = "separation";
    public const string Bridge = "bridge";
    public const string Consistency = "consistency";
    public const string All = "all";

    /// <summary>The part of the objective that draws the curve.</summary>
    public const string Curve = "contrastive.cross_modal";

    public static IReadOnlyList<string> Names { get; } = [None, FourPart, Separation, Bridge, Consistency, All];

    public static bool NeedsAugmentation(string structure) => structure != None;

    public static bool NeedsIndependent(string structure) => structure is Separation or All;

    /// <param name="structure">One of <see cref="Names"/>.</param>
    /// <param name="contrastive">The loss between the modalities.</param>
    /// <param name="settings">The weights, and the temperature of the in-modal contrast.</param>
    /// <param name="random">Draws what a structure draws.</param>
    public static CompositeLoss Create(string structure, ContrastiveLoss contrastive, AlignSettings settings, Generator random)
    {
        var parts = new List<(string, ModalityLoss, double)>
        {
            ("contrastive", new MultimodalContrastiveLoss(contrastive, includeInModal: structure == FourPart), 1),
        };
        if (structure is Separation or All)
            parts.Add((Separation, new FeatureSeparationLoss(Temperature.Fixed(settings.Temperature)), settings.SeparationWeight));
        if (structure is Bridge or All)
            parts.Add((Bridge, new BrownianBridgeLoss(BridgeTime.Fixed(settings.BridgeTime), settings.BridgeSide, generator: random), settings.BridgeWeight));
        if (structure is Consistency or All)
            parts.Add((Consistency, new GeometricConsistencyLoss(), settings.ConsistencyWeight));
        return new CompositeLoss([.. parts]);
    }
}
