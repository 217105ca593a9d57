using Contrastive.Numerics;
using Contrastive.Samples.FusionModel.Data;
using Contrastive.Samples.FusionModel.Models;
using static TorchSharp.torch;

namespace Contrastive.Samples.FusionModel.Training;

/// <summary>Fine-tuning for a task, with the picture or the text hidden where the run is a blind one. Its loop is <see cref="Loss"/>.</summary>
internal sealed class TaskRun : FusionRun
{
    private const int ScoredAtOnce = 256;

    private readonly TaskData _data;
    private readonly bool _anyOrder;
    private readonly string _hidden;
    private readonly Device _device;
    private readonly Tensor _pictures;
    private readonly Encoded _train;

    /// <param name="key">Which run.</param>
    /// <param name="net">With its first weights; the run owns it.</param>
    /// <param name="data">What to learn and to score on.</param>
    /// <param name="anyOrder">Whether boxes change places at each visit, as the sentences do not speak of their order.</param>
    /// <param name="pace">How.</param>
    /// <param name="device">Where.</param>
    public TaskRun(FusionKey key, TaskNet net, TaskData data, bool anyOrder, Pace pace, Device device)
        : base(key.ToString(), data.Train.Count, pace, key.Seed, [("model", net)], device, data.Together)
    {
        (Net, _data, _anyOrder, _hidden, _device) = (net, data, anyOrder, key.Without, device);
        _pictures = Pixels.Of(data.Pictures, data.Side, data.Boxes, device);
        _train = Encode(data.Train);
    }

    public TaskNet Net { get; }

    protected override (Tensor Loss, IReadOnlyList<LossTerm> Terms) Loss(Tensor items)
    {
        // Each picture once, however many sentences are about it.
        var (numbers, which, _) = _train.Pictures.index_select(0, items).unique(sorted: true, return_inverse: true);
        var pictures = Shown(numbers);
        if (_anyOrder && _data.Boxes > 1)
        {
            var order = rand([numbers.shape[0], _data.Boxes], device: items.device, generator: Draws).argsort(1);
            // Row by row: take_along_dim would look up each pixel.
            var first = TensorArithmetic.Range(0, pictures.shape[0] * _data.Boxes, items.device).view(order.shape).narrow(1, 0, 1);
            pictures = pictures.flatten(0, 1).index_select(0, order.add(first, Scalars.OneIndex).flatten()).view(pictures.shape);
        }

        var tokens = Trimmed(_train.Tokens.index_select(0, items), Net.Fusion.Tokenizer.Padding);
        var loss = Net.Loss(Net.States(pictures, tokens, which), _train.Answers.index_select(0, items));
        return (loss, [new LossTerm(LossTerm.Objective, loss.item<float>())]);
    }

    /// <summary>The share of right answers to the test examples, in all and of each form of sentence.</summary>
    public (double Accuracy, IReadOnlyDictionary<string, double> Forms) Score()
    {
        using var constant = no_grad();
        using var scope = NewDisposeScope();
        var right = new bool[_data.Test.Count];
        Net.eval();
        for (var start = 0; start < right.Length; start += ScoredAtOnce)
        {
            using var batch = NewDisposeScope();
            var some = Encode([.. _data.Test.Skip(start).Take(ScoredAtOnce)]);
            var best = Net.Scores(Net.States(Shown(some.Pictures), some.Tokens)).argmax(1).eq(some.Answers).cpu();
            best.data<bool>().CopyTo(right.AsSpan(start));
        }

        Net.train();
        var forms = _data.Test.Zip(right).Where(answer => answer.First.Form.Length > 0).GroupBy(answer => answer.First.Form)
            .ToDictionary(form => form.Key, form => form.Average(answer => answer.Second ? 1 : 0.0));
        return (right.Average(answer => answer ? 1 : 0.0), forms);
    }

    public override void Dispose()
    {
        base.Dispose();
        _pictures.Dispose();
        foreach (var held in new[] { _train.Pictures, _train.Tokens, _train.Answers })
            held.Dispose();
    }

    /// <param name="Pictures">(N), their numbers.</param>
    /// <param name="Tokens">(N, L).</param>
    /// <param name="Answers">(N).</param>
    private sealed record Encoded(Tensor Pictures, Tensor Tokens, Tensor Answers);

    private Encoded Encode(IReadOnlyList<Example> examples) => new(
        tensor(examples.Select(example => (long)example.Picture).ToArray(), device: _device),
        Net.Fusion.Tokenizer.Encode([.. examples.Select(example => _hidden == FusionKey.Text ? "" : example.Text)], _device),
        tensor(examples.Select(example => (long)example.Answer).ToArray(), device: _device));

    private Tensor Shown(Tensor numbers)
    {
        var pictures = _pictures.index_select(0, numbers);
        return _hidden == FusionKey.Picture ? zeros_like(pictures) : pictures;
    }
}
