namespace Contrastive.Benchmarks.Cases;

/// <summary>Symmetric InfoNCE with a learned temperature, against open_clip's form.</summary>
internal static class InfoNCECases
{
    public static IEnumerable<StepCase> All =>
    [
        Case("infonce-symmetric", 4096, 512),
        Case("infonce-symmetric-small", 256, 128),
        Case("infonce-symmetric-large", 32768, 256),
    ];

    public static StepCase Case(string name, long batch, long dim)
        => new(name, "symmetric InfoNCE", batch, dim, Ours, MatrixProducts.Make, PlainInfoNCE.Symmetric);

    private static BatchStep Ours(long batch, long dim)
    {
        var features = Features.Make(batch, dim);
        var temperature = Temperature.Learned();
        var loss = new InfoNCELoss(temperature, ContrastMode.Symmetric);
        return BatchStep.Training(
            () => loss.forward(features[0], features[1]),
            [.. features, .. loss.parameters()],
            [.. features, loss, temperature]);
    }
}
