using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

/// <summary>The formulas as they are printed, item by item and pair by pair, on unit features.</summary>
internal static class Reference
{
    /// <summary>mean_j -log( exp(⟨v_j,p_j⟩/τ) / Σ_k exp(⟨v_j,c_k⟩/τ) ).</summary>
    public static Tensor Contrast(Tensor v, Tensor positives, Tensor candidates, double tau)
        => Mean(v, j => -((Dot(v, j, positives, j) / tau).exp()
            / Sum(candidates, k => (Dot(v, j, candidates, k) / tau).exp())).log());

    /// <summary>1/N Σ_j ( ⟨v_j,v^i_j⟩² + ⟨t_j,t^i_j⟩² ).</summary>
    public static Tensor Orthogonality(Tensor v, Tensor vi, Tensor t, Tensor ti)
        => Mean(v, j => Dot(v, j, vi, j).pow(2) + Dot(t, j, ti, j).pow(2));

    /// <summary>log 1/N Σ_j Σ_k [ G(v_j,v_k) + G(t_j,t_k) ].</summary>
    public static Tensor Uniformity(Tensor v, Tensor t, double kernelT)
    {
        return (Sum(v, j => Sum(v, k => G(v, j, k) + G(t, j, k))) / v.shape[0]).log();

        Tensor G(Tensor x, int j, int k) => ((x[j] - x[k]).pow(2).sum() * -kernelT).exp();
    }

    /// <summary>‖v^a_j - μ_j‖² of each item, μ = (t v + (1-t) t_j) / ‖·‖.</summary>
    public static Tensor BridgeDistance(Tensor va, Tensor v, Tensor t, double time)
        => Mean(v, j =>
        {
            var mean = (v[j] * time) + (t[j] * (1 - time));
            return (va[j] - (mean / mean.norm())).pow(2).sum();
        });

    /// <summary>Σ_jk (⟨v_j,t_k⟩ - ⟨v_k,t_j⟩)².</summary>
    public static Tensor CrossModal(Tensor v, Tensor t) => Sum(v, j => Sum(v, k => (Dot(v, j, t, k) - Dot(v, k, t, j)).pow(2)));

    /// <summary>Σ_jk (⟨v_j,v_k⟩ - ⟨t_j,t_k⟩)².</summary>
    public static Tensor InModal(Tensor v, Tensor t) => Sum(v, j => Sum(v, k => (Dot(v, j, v, k) - Dot(t, j, t, k)).pow(2)));

    /// <summary>1/N Σ_j (⟨v_j,t_j⟩ - ⟨v^a_j,t^a_j⟩)².</summary>
    public static Tensor Pairs(Tensor v, Tensor t, Tensor va, Tensor ta)
        => Mean(v, j => (Dot(v, j, t, j) - Dot(va, j, ta, j)).pow(2));

    private static Tensor Dot(Tensor x, int j, Tensor y, int k) => (x[j] * y[k]).sum();

    private static Tensor Sum(Tensor rows, Func<int, Tensor> term)
        => Enumerable.Range(0, (int)rows.shape[0]).Select(term).Aggregate((a, b) => a + b);

    private static Tensor Mean(Tensor rows, Func<int, Tensor> term) => Sum(rows, term) / rows.shape[0];
}
