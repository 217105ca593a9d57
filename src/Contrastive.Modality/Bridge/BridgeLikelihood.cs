namespace Contrastive.Modality;

/// <summary>How far a feature is from where the bridge expects it.</summary>
public enum BridgeLikelihood
{
    /// <summary>‖v^a - μ‖², the paper's L_Br.</summary>
    SquaredDistance,

    /// <summary>The negative logarithm of the density Normal(μ, λ(1-λ) I): the distance in units of the bridge's width.</summary>
    Gaussian,
}
