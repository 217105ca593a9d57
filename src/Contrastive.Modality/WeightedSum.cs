using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>Adds up terms and remembers them.</summary>
internal sealed class WeightedSum
{
    private readonly List<ModalityTerm> terms = [];
    private Tensor? total;

    /// <summary>
    /// Adds weight · value; <paramref name="reported"/> is the value to log, if it is another. A term without weight is
    /// reported, but takes no gradient.
    /// </summary>
    public void Add(string name, double weight, Tensor value, Tensor? reported = null)
    {
        terms.Add(new ModalityTerm(name, weight, (reported ?? value).detach()));
        if (weight == 0) return;
        var weighted = value.Times(weight);
        total = total is null ? weighted : total.Plus(weighted);
    }

    /// <summary>Adds another result as it is, its terms under a name of their own.</summary>
    public void Add(string name, double weight, ModalityResult result)
    {
        foreach (var term in result.Terms)
            terms.Add(new ModalityTerm($"{name}.{term.Name}", weight * term.Weight, term.Value));
        if (weight == 0) return;
        var weighted = result.Total.Times(weight);
        total = total is null ? weighted : total.Plus(weighted);
    }

    public ModalityResult ToResult()
        => new(total ?? (terms.Count > 0 ? terms[0].Value.mul(Scalars.Zero) : zeros([])), [.. terms]);
}
