using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Evaluation;

/// <summary>
/// Two images and two captions that are hard to tell apart: which belongs to which (T. Thrush et al., "Winoground: Probing Vision and
/// Language Models for Visio-Linguistic Compositionality", CVPR 2022, §3.2). Chance is 1/4 for the text and the image score and 1/6 for both at once.
/// </summary>
/// <remarks>
/// <para>
/// $$\text{text:} \quad s(C_0, I_0) \gt s(C_1, I_0) \;\text{ and }\; s(C_1, I_1) \gt s(C_0, I_1)$$
/// $$\text{image:} \quad s(C_0, I_0) \gt s(C_0, I_1) \;\text{ and }\; s(C_1, I_1) \gt s(C_1, I_0)$$
/// s(C, I) is the score of a caption and an image; the group score asks for both.</para>
/// <para>The comparison is strict, as published: what ties, up to rounding of the features, is wrong, so features that collapsed score 0. Scores are
/// computed in float64.</para>
/// </remarks>
public static class ImageCaptionSelection
{
    /// <summary>From features.</summary>
    /// <param name="images">Of shape <c>(N, 2, D)</c>, N ≥ 1: the two images of each item; any floating-point dtype, device and strides.</param>
    /// <param name="captions">Of shape <c>(N, 2, D)</c>: caption 0 belongs to image 0, caption 1 to image 1.</param>
    /// <param name="similarity">What a score is.</param>
    /// <returns>The three scores.</returns>
    /// <exception cref="ArgumentNullException">A tensor is null.</exception>
    /// <exception cref="ArgumentException">
    /// The features are not two floating-point tensors of the same shape, dtype and device, have no items, or hold NaN or infinity.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The similarity is not defined.</exception>
    public static ImageCaptionReport Evaluate(Tensor images, Tensor captions, SimilarityMeasure similarity = SimilarityMeasure.Cosine)
    {
        Check(images);
        Check(captions);
        Guard.Comparable(images, captions);
        Guard.SameRows(images, captions);
        Guard.Defined(similarity);
        Checks.Finite(images);
        Checks.Finite(captions);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        bool normalize = similarity == SimilarityMeasure.Cosine;
        long items = images.shape[0], width = images.shape[2];
        Tensor Rows(Tensor features) => features.reshape(2 * items, width);
        double scale = normalize ? 1 : ScoredRows.PowerOfTwo(Rows(images), Rows(captions));
        Tensor Exact(Tensor features)
        {
            var rows = ScoredRows.Exact(Rows(features));
            return (normalize ? ScoredRows.Unit(rows) : rows.Times(scale)).view(items, 2, width);
        }

        Tensor left = Exact(captions), right = Exact(images);
        var scores = left.matmul(right.transpose(1, 2));                                            // (N, caption, image)
        double tie = RowScores.TieTolerance(width, UnitRows.ComputeType(images.dtype));
        double[] lengths = normalize
            ? [.. Enumerable.Repeat(1.0, (int)items)]
            : ScoredRows.Doubles(left.norm(-1, keepdim: false, 2).amax([1]).mul(right.norm(-1, keepdim: false, 2).amax([1])));
        return Select(ScoredRows.Doubles(scores), item => tie * lengths[item]);
    }

    /// <summary>From scores of any model, such as one that looks at image and caption together.</summary>
    /// <param name="scores">Of shape <c>(N, 2, 2)</c>, N ≥ 1, floating point: of item i, caption c and image j at [i, c, j]. Equal ones tie.</param>
    /// <returns>The three scores.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="scores"/> is null.</exception>
    /// <exception cref="ArgumentException">The scores have another shape or dtype, no items, or hold NaN or infinity.</exception>
    public static ImageCaptionReport OfScores(Tensor scores)
    {
        Check(scores);
        if (scores.shape[2] != 2)
            throw new ArgumentException($"scores must have the shape (N, 2, 2) but have {Guard.Shape(scores)}", nameof(scores));
        Checks.Finite(scores);
        return Select(ScoredRows.Doubles(scores.detach()), _ => 0);
    }

    private static ImageCaptionReport Select(double[] scores, Func<int, double> tie)
    {
        int items = scores.Length / 4;
        double[] text = new double[items], image = new double[items];
        for (int item = 0; item < items; item++)
        {
            double least = tie(item);
            bool Above(int one, int other) => scores[(4 * item) + one] > scores[(4 * item) + other] + least;
            // 0: C0 I0, 1: C0 I1, 2: C1 I0, 3: C1 I1.
            text[item] = Above(0, 2) && Above(3, 1) ? 1 : 0;
            image[item] = Above(0, 1) && Above(3, 2) ? 1 : 0;
        }

        return new ImageCaptionReport([.. text], [.. image]);
    }

    private static void Check(Tensor features, [CallerArgumentExpression(nameof(features))] string name = "")
    {
        Guard.Floating(features, name);
        if (features.dim() != 3 || features.shape[1] != 2 || features.shape[0] == 0 || features.shape[2] == 0)
            throw new ArgumentException($"{name} must have the shape (N, 2, D) with N and D at least 1 but have {Guard.Shape(features)}", name);
    }
}

/// <summary>How often images and captions were told apart. Made by <see cref="ImageCaptionSelection"/>.</summary>
public sealed class ImageCaptionReport
{
    internal ImageCaptionReport(ImmutableArray<double> text, ImmutableArray<double> image)
        => (Texts, Images, Groups) = (text, image, [.. text.Zip(image, (a, b) => a * b)]);

    /// <summary>The share of items whose caption is right for both images.</summary>
    public double Text => Texts.Average();

    /// <summary>The share of items whose image is right for both captions.</summary>
    public double Image => Images.Average();

    /// <summary>The share of items of which both are.</summary>
    public double Group => Groups.Average();

    /// <summary>Of each item, 1 or 0.</summary>
    public ImmutableArray<double> Texts { get; }

    /// <summary>Of each item, 1 or 0.</summary>
    public ImmutableArray<double> Images { get; }

    /// <summary>Of each item, 1 or 0.</summary>
    public ImmutableArray<double> Groups { get; }

    /// <summary>The scores on one line.</summary>
    /// <returns>The line, in the invariant culture.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"text {Text:F4}, image {Image:F4}, group {Group:F4}");
}
