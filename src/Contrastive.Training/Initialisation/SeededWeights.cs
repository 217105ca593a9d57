using Contrastive.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>
/// First weights from a generator of one's own, and norms that start as norms: TorchSharp's constructors draw from the global generator,
/// which runs side by side would share, and <c>nn.GroupNorm</c> of TorchSharp 0.107 leaves its weight and bias as the memory
/// happens to be.
/// </summary>
public static class SeededWeights
{
    private const double EmbeddingDeviation = 0.1;

    // The square of the gain: a ReLU halves the second moment, a linear layer keeps it.
    private const double Rectified = 2;
    private const double Plain = 1;

    /// <summary>
    /// Draws the weights of a module and of all within it anew. Linear layers: uniform with variance 1 / fan-in. Convolutions: uniform with
    /// variance 2 / fan-in, for a ReLU behind them (K. He et al., ICCV 2015). Offsets of both: 0. Embeddings: normal with
    /// deviation 0.1, the padding's row too. Norms: weight 1, offset 0.
    /// </summary>
    /// <remarks>
    /// With TorchSharp's own smaller weights and random offsets all inputs start with almost the same features, and a contrastive loss can
    /// stay there. Draw before the module moves to another device, so that a seed gives the same weights on all of them.
    /// </remarks>
    /// <param name="module">The module; on the generator's device.</param>
    /// <param name="generator">Draws the weights, in the order of the module's children.</param>
    /// <returns>The names of the parameters that are of no such layer, and stay as they were.</returns>
    /// <exception cref="ArgumentException">A parameter is on another device than the generator; nothing was drawn.</exception>
    public static IReadOnlyList<string> Draw(nn.Module module, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(generator);
        if (module.named_parameters().FirstOrDefault(named => named.parameter.device_type != generator.device.type) is { parameter: { } elsewhere } other)
            throw new ArgumentException(
                $"the parameter {other.name} is on {elsewhere.device_type} but the generator on {generator.device.type}", nameof(generator));

        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var left = new List<string>();
        foreach (var (name, part) in module.named_modules().Prepend(("", module)))
        {
            switch (part)
            {
                case Linear linear:
                    Uniform(linear.weight!, linear.bias, Plain / linear.weight!.shape[1]);
                    break;
                case Convolution convolution and not ConvolutionTranspose:
                    var fanIn = convolution.weight.shape[1..].Aggregate(1L, (product, size) => product * size);
                    Uniform(convolution.weight, convolution.bias, Rectified / fanIn);
                    break;
                case Embedding embedding:
                    embedding.weight!.normal_(0, EmbeddingDeviation, generator);
                    break;
                default:
                    if (!Reset(part)) left.AddRange(part.named_parameters(recurse: false).Select(own => name.Length == 0 ? own.name : $"{name}.{own.name}"));
                    break;
            }
        }
        return left;

        void Uniform(Tensor weight, Tensor? bias, double variance)
        {
            var bound = Math.Sqrt(3 * variance);
            weight.uniform_(-bound, bound, generator);
            bias?.zero_();
        }
    }

    /// <summary>
    /// Sets weight 1 and offset 0 in every norm of a module (group, layer, batch, instance), and leaves all else: what TorchSharp 0.107 leaves
    /// out for <c>nn.GroupNorm</c>.
    /// </summary>
    /// <param name="module">The module; on any device.</param>
    public static void ResetNorms(nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        foreach (var part in module.modules().Prepend(module)) Reset(part);
    }

    /// <returns>Whether the part is a norm.</returns>
    private static bool Reset(nn.Module part)
    {
        (Tensor? Weight, Tensor? Bias)? norm = part switch
        {
            GroupNorm group => (group.weight, group.bias),
            LayerNorm layer => (layer.weight, layer.bias),
            NormBase batchOrInstance => (batchOrInstance.weight, batchOrInstance.bias),
            _ => null,
        };
        norm?.Weight?.fill_(Scalars.One);
        norm?.Bias?.zero_();
        return norm is not null;
    }
}
