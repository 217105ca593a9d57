using Contrastive.Modality;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Benchmarks.Cases;

/// <summary>Geometric consistency, against the formula as it reads: matrices of all pairs.</summary>
internal static class ConsistencyCases
{
    public static IEnumerable<StepCase> All =>
    [
        new("consistency", 4096, 512, Ours, Plain, HasFloor: false),
        new("consistency-augmented", 4096, 512, OursAugmented, PlainAugmented, HasFloor: false),
    ];

    /// <summary>L_GC with both weights 1.</summary>
    private static BatchStep Ours(long batch, long dim)
    {
        var f = Features.Make(batch, dim);
        var loss = new GeometricConsistencyLoss(augmentedWeight: 0);
        return BatchStep.Training(() => loss.forward(new(f[0]), new(f[1])), f, [.. f, loss]);
    }

    private static BatchStep Plain(long batch, long dim)
    {
        var f = Features.Make(batch, dim);
        return BatchStep.Training(() => Consistency(Features.Unit(f[0]), Features.Unit(f[1])), f, f);
    }

    /// <summary>L_GC + L^a_GC, the default.</summary>
    private static BatchStep OursAugmented(long batch, long dim)
    {
        var f = Features.Make(batch, dim, count: 4);
        var loss = new GeometricConsistencyLoss();
        return BatchStep.Training(() => loss.forward(new(f[0], f[2]), new(f[1], f[3])), f, [.. f, loss]);
    }

    private static BatchStep PlainAugmented(long batch, long dim)
    {
        var f = Features.Make(batch, dim, count: 4);
        return BatchStep.Training(
            () =>
            {
                var (v, t, va, ta) = (Features.Unit(f[0]), Features.Unit(f[1]), Features.Unit(f[2]), Features.Unit(f[3]));
                return Consistency(v, t).Plus(AugmentedConsistency(v, t, va, ta));
            },
            f,
            f);
    }

    /// <summary>1/N Σ_jk [ (⟨v_j,t_k⟩ - ⟨v_k,t_j⟩)² + (⟨v_j,v_k⟩ - ⟨t_j,t_k⟩)² ].</summary>
    private static Tensor Consistency(Tensor v, Tensor t)
    {
        var across = v.matmul(t.t());
        return SumOfSquares(across.sub(across.t())).Plus(SumOfSquares(v.matmul(v.t()).sub(t.matmul(t.t())))).Times(1.0 / v.shape[0]);
    }

    /// <summary>1/N Σ_jk [ (⟨v_j,v_k⟩ - ⟨v^a_j,v^a_k⟩)² + (⟨t_j,t_k⟩ - ⟨t^a_j,t^a_k⟩)² ] + 1/N Σ_j (⟨v_j,t_j⟩ - ⟨v^a_j,t^a_j⟩)².</summary>
    private static Tensor AugmentedConsistency(Tensor v, Tensor t, Tensor va, Tensor ta)
        => SumOfSquares(v.matmul(v.t()).sub(va.matmul(va.t())))
            .Plus(SumOfSquares(t.matmul(t.t()).sub(ta.matmul(ta.t()))))
            .Plus(SumOfSquares(v.mul(t).sum(dim: 1).sub(va.mul(ta).sum(dim: 1))))
            .Times(1.0 / v.shape[0]);

    private static Tensor SumOfSquares(Tensor differences) => differences.Square().SumAll();
}
