namespace Contrastive.Modality;

/// <summary>Whose augmented features are to lie on the bridge between the modalities.</summary>
public enum BridgeSide
{
    /// <summary>The first modality's, as in the paper.</summary>
    First,

    /// <summary>The second modality's.</summary>
    Second,

    /// <summary>Both, each with weight one half.</summary>
    Both,
}
