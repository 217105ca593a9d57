using Contrastive.Numerics;
using Contrastive.Samples.FusionModel.Data;
using Contrastive.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Samples.FusionModel.Models;

/// <summary>
/// A fusion model for one task. Questions are answered by a causal decoder whose tokens look at the fused question; it ranks the answers by the
/// log-likelihood of all their tokens. The other tasks have a perceptron of two layers on the fused class token.
/// </summary>
internal sealed class TaskNet : nn.Module
{
    // Greater masses of answers at once cost memory and gain nothing.
    private const int RankedAtOnce = 4096;

    private readonly FusionNet fusion;
    private readonly Embedding? answer_tokens;
    private readonly Embedding? answer_positions;
    private readonly CrossBlock? decoder;
    private readonly LayerNorm? norm;
    private readonly Linear? output;
    private readonly Sequential? head;
    private readonly Tensor? _answers;

    public TaskNet(FusionTask task, FusionSizes sizes, IReadOnlyList<string> answers, Generator random)
        : base(nameof(TaskNet))
    {
        (Task, Answers) = (task, answers);
        fusion = new FusionNet(sizes, random);
        if (task == FusionTask.Vqa)
        {
            using var constant = no_grad();
            _answers = fusion.Tokenizer.Encode(answers, CPU).DetachFromDisposeScope();
            answer_tokens = nn.Embedding(sizes.Vocabulary.Count, sizes.Width);
            answer_positions = nn.Embedding(CaptionTokenizer.LongestText, sizes.Width);
            decoder = new CrossBlock(sizes.Width);
            norm = nn.LayerNorm(sizes.Width);
            output = nn.Linear(sizes.Width, sizes.Vocabulary.Count);
        }
        else
        {
            head = nn.Sequential(nn.Linear(sizes.Width, sizes.Width), nn.ReLU(), nn.Linear(sizes.Width, answers.Count));
        }

        RegisterParts();
        foreach (var part in new nn.Module?[] { answer_tokens, answer_positions, decoder, norm, output, head }.OfType<nn.Module>())
            SeededWeights.Draw(part, random);
    }

    public FusionTask Task { get; }

    public IReadOnlyList<string> Answers { get; }

    public FusionNet Fusion => fusion;

    /// <param name="pictures">(P, K, 3, S, S) bytes.</param>
    /// <param name="ids">(N, L) tokens of the sentences.</param>
    /// <param name="which">(N), the row of the picture of each sentence; null where sentence i is about picture i.</param>
    /// <param name="seen">As <see cref="FusionNet.Fuse"/> has it.</param>
    public TextStates States(Tensor pictures, Tensor ids, Tensor? which = null, Action<Tensor>? seen = null)
    {
        using var scope = NewDisposeScope();
        var (rows, boxes) = (pictures.shape[0], pictures.shape[1]);
        var images = fusion.Image(pictures.flatten(0, 1));
        images = images.view(rows, boxes, images.shape[1], images.shape[2]);
        var shown = Enumerable.Range(0, (int)boxes).Select(box => fusion.Look(images.select(1, box)));
        if (which is not null)
            shown = shown.Select(box => box.At(which));
        var text = fusion.Text(ids);
        // A perceptron takes the first token alone.
        var fused = fusion.Fuse([.. shown], text, onlyFirst: head is not null && seen is null, seen);
        return new TextStates(fused.MoveToOuterDisposeScope(), text.Mask.MoveToOuterDisposeScope());
    }

    /// <param name="states">Of <see cref="States"/>.</param>
    /// <param name="answers">(N), the right ones.</param>
    public Tensor Loss(TextStates states, Tensor answers)
        => head is null
            ? LogLikelihoods(states, _answers!.to(answers.device).index_select(0, answers)).neg().mean()
            : nn.functional.cross_entropy(head.forward(FusionNet.Class(states.States)), answers);

    /// <returns>(N, answers): the log-probability of each, not normalised where a decoder ranks them.</returns>
    public Tensor Scores(TextStates states)
    {
        if (head is not null)
            return head.forward(FusionNet.Class(states.States));
        using var scope = NewDisposeScope();
        var candidates = _answers!.to(states.States.device);
        var atOnce = Math.Max(1, RankedAtOnce / (int)candidates.shape[0]);
        var parts = new List<Tensor>();
        for (long start = 0; start < states.States.shape[0]; start += atOnce)
        {
            var n = Math.Min(atOnce, states.States.shape[0] - start);
            // Each question with each answer.
            var some = new TextStates(Each(states.States.narrow(0, start, n)), Each(states.Mask.narrow(0, start, n)));
            parts.Add(LogLikelihoods(some, candidates.repeat(n, 1)).view(n, candidates.shape[0]));
        }

        return cat(parts, 0).MoveToOuterDisposeScope();

        Tensor Each(Tensor rows) => rows.repeat_interleave(candidates.shape[0], 0);
    }

    /// <summary>Takes the weights of a model for the same task, whose words come first in this one's vocabulary.</summary>
    public void TakeFrom(TaskNet before)
    {
        using var constant = no_grad();
        using var scope = NewDisposeScope();
        fusion.TakeFrom(before.fusion);
        FusionNet.Copy(before, this, except: $"{nameof(fusion)}.");
    }

    /// <summary>Σ log p(token | those before it, question, picture), over the tokens behind the first, which stands in front of every answer.</summary>
    /// <param name="states">(N, L, W).</param>
    /// <param name="answers">(N, A) tokens.</param>
    private Tensor LogLikelihoods(TextStates states, Tensor answers)
    {
        using var scope = NewDisposeScope();
        var length = answers.shape[1] - 1;
        var (given, wanted) = (answers.narrow(1, 0, length), answers.narrow(1, 1, length));
        var causal = ones(length, length, dtype: ScalarType.Bool, device: answers.device).tril().view(1, 1, length, length);
        var x = answer_tokens!.forward(given).Plus(answer_positions!.forward(TensorArithmetic.Range(0, length, answers.device)));
        x = decoder!.forward(x, causal, decoder.Look(states.States, states.Mask));
        var log = output!.forward(norm!.forward(x)).log_softmax(2).gather(2, wanted.unsqueeze(2)).squeeze(2);
        using var padding = ((long)fusion.Tokenizer.Padding).ToScalar();
        return (log * wanted.ne(padding).to(log.dtype)).sum(dim: 1).MoveToOuterDisposeScope();
    }

    /// <summary>By name: the tokens of the answers follow from the vocabulary and are no weights.</summary>
    private void RegisterParts()
    {
        register_module(nameof(fusion), fusion);
        foreach (var (name, part) in new (string, nn.Module?)[]
        {
            (nameof(answer_tokens), answer_tokens), (nameof(answer_positions), answer_positions), (nameof(decoder), decoder),
            (nameof(norm), norm), (nameof(output), output), (nameof(head), head),
        })
        {
            if (part is not null)
                register_module(name, part);
        }
    }

    protected override void RegisterComponents()
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _answers?.Dispose();
        base.Dispose(disposing);
    }
}
