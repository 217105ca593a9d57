using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>mean_j ⟨v_j, v^i_j⟩², a scalar: zero where shared and independent features are orthogonal (L_Ortho).</summary>
internal static class Orthogonality
{
    public static Tensor Loss(Tensor shared, Tensor independent) => shared.mul(independent).sum(dim: 1).Square().mean();
}
