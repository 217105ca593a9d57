namespace Contrastive.Benchmarks.Cases;

/// <summary>Symmetric InfoNCE with a learned temperature, against open_clip's form.</summary>
internal static class InfoNCECases
{
    public static IEnumerable<StepCase> All =>
    [
        new("infonce-symmetric", 4096, 512, Symmetric(Tiling.Default), PlainInfoNCE.Symmetric),
        new("infonce-symmetric-small", 256, 128, Symmetric(Tiling.Default), PlainInfoNCE.Symmetric),
        new("infonce-symmetric-32", 32, 128, Symmetric(Tiling.Default), PlainInfoNCE.OneProduct),
        new("infonce-symmetric-64", 64, 128, Symmetric(Tiling.Default), PlainInfoNCE.OneProduct),
        new("infonce-symmetric-128", 128, 256, Symmetric(Tiling.Default), PlainInfoNCE.OneProduct),
        new("infonce-symmetric-256", 256, 512, Symmetric(Tiling.Default), PlainInfoNCE.OneProduct),
        new("infonce-symmetric-1024", 1024, 512, Symmetric(Tiling.Default), PlainInfoNCE.OneProduct),
        new("infonce-symmetric-large", 32768, 256, Symmetric(Tiling.Default), PlainInfoNCE.Symmetric),
        // Four products instead of three, and no memory but for the features.
        new("infonce-symmetric-recomputed", 4096, 512, Symmetric(new Tiling { MemoryBudget = 0 }), PlainInfoNCE.Symmetric),
    ];

    private static StepFactory Symmetric(Tiling tiling) => (batch, dim) =>
    {
        var features = Features.Make(batch, dim);
        var temperature = Temperature.Learned();
        var loss = new InfoNCELoss(temperature, ContrastMode.Symmetric) { Tiling = tiling };
        return BatchStep.Training(
            () => loss.forward(features[0], features[1]),
            [.. features, .. loss.parameters()],
            [.. features, loss, temperature]);
    };
}
