using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// Text assignment (ALBEF, J. Li et al. 2021, section 4.2 and appendix): a text and K pictures, of which it belongs to the first, the second, … or to none.
/// It prepares a model for statements about several pictures.
/// </summary>
/// <remarks>
/// The pictures that are not the text's own are of other ids, drawn with a probability ∝ softmax of the similarities (all alike where the similarities
/// are zeros), one after the other without those before, as long as there are so many. The tensors belong to the surrounding dispose scope, if there is one.
/// </remarks>
public sealed class TextAssignment : IDisposable
{
    private TextAssignment(Tensor texts, Tensor pictures, Tensor labels, long skipped)
        => (Texts, Pictures, Labels, Skipped) = (texts, pictures, labels, skipped);

    /// <summary>(P) int64, the row of each text; P = N, less those skipped.</summary>
    public Tensor Texts { get; }

    /// <summary>(P, K) int64, the rows of its pictures.</summary>
    public Tensor Pictures { get; }

    /// <summary>(P) int64, the place of the text's own picture, 0, …, K - 1, or K where it is not there. Each is drawn as often.</summary>
    public Tensor Labels { get; }

    /// <summary>The texts without a picture of another id, which are left out.</summary>
    public long Skipped { get; }

    /// <summary>Draws pictures for the texts of a batch.</summary>
    /// <param name="similarities">(N, N), of texts with pictures, divided by the temperature. Range: finite.</param>
    /// <param name="pictures">K. Range: ≥ 2.</param>
    /// <param name="sampleIds">(N) integers: a picture of the text's sample is never another one's.</param>
    /// <param name="generator">Where the draws come from; by default TorchSharp's global generator. On the similarities' device.</param>
    /// <param name="missingPairs">What happens to a text without a picture of another id.</param>
    /// <exception cref="ArgumentException">The arguments do not fit together, or are not finite, or a text has no other picture.</exception>
    public static TextAssignment Draw(
        Tensor similarities,
        long pictures = 2,
        Tensor? sampleIds = null,
        Generator? generator = null,
        MissingPairs missingPairs = MissingPairs.Throw)
    {
        ForeignWeights.CheckSquare(similarities);
        Guard.AtLeast(pictures, 2);
        Guard.Defined(missingPairs);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var weights = ForeignWeights.Of(similarities, sampleIds, null, generator, missingPairs);
        var columns = new List<Tensor>();
        for (var k = 0L; k < pictures; k++)
        {
            var drawn = weights.Draw(generator);
            columns.Add(drawn);
            weights = weights.Without(drawn);
        }

        var count = similarities.shape[0];
        var labels = randint(0, pictures + 1, [count], dtype: ScalarType.Int64, device: similarities.device, generator: generator);
        var rows = TensorArithmetic.Range(0, count, similarities.device);
        var isOwn = labels.unsqueeze(1).eq(TensorArithmetic.Range(0, pictures, similarities.device).unsqueeze(0));
        // The places of the others are filled in the order of the draws: the first drawn is always shown, so that it has the softmax's probability.
        var order = TensorArithmetic.Range(0, pictures, similarities.device).unsqueeze(0);
        order = order.sub(order.gt(labels.unsqueeze(1)).to(ScalarType.Int64));
        var all = where(isOwn, rows.unsqueeze(1), stack(columns, 1).gather(1, order));
        var texts = rows.masked_select(weights.HasAny);
        return new TextAssignment(
            texts.MoveToOuterDisposeScope(),
            all.index_select(0, texts).MoveToOuterDisposeScope(),
            labels.index_select(0, texts).MoveToOuterDisposeScope(),
            count - texts.shape[0]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Texts.Dispose();
        Pictures.Dispose();
        Labels.Dispose();
    }
}

/// <summary>The loss of text assignment: the cross-entropy of the text's place among K pictures, or that it is not there.</summary>
/// <remarks>Where all texts were skipped the loss is 0, with gradients of 0.</remarks>
public sealed class TextAssignmentLoss : Loss<Tensor, Tensor, Tensor>
{
    /// <summary>Creates the loss.</summary>
    /// <param name="pictures">K. Range: ≥ 2.</param>
    /// <param name="reduction">None gives one value per text.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    public TextAssignmentLoss(long pictures = 2, nn.Reduction reduction = nn.Reduction.Mean)
        : base(Guard.Defined(reduction))
        => Pictures = Guard.AtLeast(pictures, 2);

    /// <summary>K.</summary>
    public long Pictures { get; }

    /// <summary>The loss of some texts.</summary>
    /// <param name="logits">(P, K + 1), floating point: a column a place and the last for none. Half precision is computed in float32.</param>
    /// <param name="labels">(P) integers: <see cref="TextAssignment.Labels"/>.</param>
    /// <returns>A scalar, or (P) where the reduction is none.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit together; the message says what was given.</exception>
    public override Tensor forward(Tensor logits, Tensor labels)
        => ClassCrossEntropy.Of(logits, labels, Pictures + 1, $"{Pictures} places and none", reduction);
}
