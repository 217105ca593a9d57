namespace Contrastive;

/// <summary>A step of the algorithm, and what it takes to go through its M-step again in parts.</summary>
/// <param name="Result">Value and objective.</param>
/// <param name="Forward">The weights of the anchors.</param>
/// <param name="Backward">The weights of the candidates as anchors of a symmetric loss.</param>
internal sealed record GammaStep(ContrastiveResult Result, GammaWeights Forward, GammaWeights? Backward);
