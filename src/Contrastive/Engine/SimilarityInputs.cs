using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>
/// What similarities are made of, s_ij = ⟨a_i, b_j⟩ / τ: the caller's features on their way in, widened, normalised and scaled,
/// and known gradients on their way back.
/// </summary>
/// <param name="anchors">(N, D).</param>
/// <param name="candidates">(M, D).</param>
/// <param name="measure">Cosine, or the dot product as given.</param>
/// <param name="temperature">τ.</param>
/// <param name="constantTemperature">Whether no gradient by a learned temperature is wanted.</param>
internal sealed class SimilarityInputs(
    Tensor anchors, Tensor candidates, SimilarityMeasure measure, Temperature temperature, bool constantTemperature = false)
{
    private static readonly Scalar ThreeHalves = 1.5.ToScalar();

    private readonly FeatureInput _anchors = new(anchors, measure);
    private readonly FeatureInput _candidates = new(candidates, measure);
    private Tensor? _scale;

    /// <summary>Whether a gradient by a / τ is wanted: for the anchors, or a temperature that is learned.</summary>
    public bool NeedsAnchors => is_grad_enabled() && (_anchors.RequiresGradient || LearnsTemperature);

    /// <summary>Whether a gradient by the candidates is wanted.</summary>
    public bool NeedsCandidates => is_grad_enabled() && _candidates.RequiresGradient;

    /// <summary>a / τ and b, (N, D) and (M, D), with their graph.</summary>
    public (Tensor Anchors, Tensor Candidates) WithGraph() => (
        constantTemperature ? _anchors.Prepare().mul(Scale) : temperature.Scale(_anchors.Prepare()),
        _candidates.Prepare());

    /// <summary>a / τ and b without a graph, by a shorter way.</summary>
    public (Tensor Anchors, Tensor Candidates) Constant() => (_anchors.Prepare(Scale), _candidates.Prepare(null));

    /// <summary>The largest |⟨a, b⟩| / τ there can be. Of cosines it is 1/τ; else it waits for the device.</summary>
    public double Bound()
        => measure == SimilarityMeasure.Cosine ? 1 / temperature.Value : _anchors.LongestPrepared() * _candidates.LongestPrepared();

    /// <summary>
    /// A value with known gradients by a / τ and b, which are used up, and by a loss's own inputs. It can be differentiated once.
    /// </summary>
    /// <remarks>
    /// It gets the term ⟨x, g⟩ - ⟨x, g⟩ of each input x with its gradient g, the second one without a graph: the term is 0 and its
    /// derivative is g. So nothing runs in autograd but torch's own operations. A second derivative would leave out how g
    /// changes, so it is spoilt: the term's power of 3/2 has the derivative 0 and, at 0, an infinite second one.
    /// </remarks>
    public Tensor Attach(Tensor value, FeatureGradients gradients, params InputLeaf?[] own)
    {
        Tensor? sum = null;
        foreach (var leaf in own)
        {
            if (leaf is not null) Add(leaf.Along());
        }
        if (gradients.Anchors is not null)
        {
            var alongScale = _anchors.PullBack(gradients.Anchors, Scale, LearnsTemperature);
            if (alongScale is not null) Add(temperature.Along(alongScale));
            if (_anchors.RequiresGradient) Add(_anchors.Along(gradients.Anchors));
        }
        if (gradients.Candidates is not null)
        {
            _candidates.PullBack(gradients.Candidates, null, wantsScale: false);
            Add(_candidates.Along(gradients.Candidates));
        }
        // Gradients are worked out only where something wants them, so there is a sum.
        var term = sum!.sub(sum!.detach());
        return value.Plus(term).Plus(term.pow(ThreeHalves));

        void Add(Tensor part) => sum = sum is null ? part : sum.Plus(part);
    }

    private bool LearnsTemperature => !constantTemperature && temperature.RequiresGradient;

    private Tensor Scale => _scale ??= temperature.ScaleOf(UnitRows.ComputeType(_anchors.Features.dtype), _anchors.Features.device);
}
