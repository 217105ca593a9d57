using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>Features that are measured.</summary>
public static class FiniteFeatures
{
    /// <summary>The features themselves.</summary>
    /// <exception cref="NotFiniteNumberException">Some are NaN or infinite: training went too far.</exception>
    public static Tensor Finite(this Tensor features)
    {
        using var finite = features.isfinite();
        using var all = finite.all();
        return all.item<bool>() ? features : throw new NotFiniteNumberException("the features are not finite");
    }
}
