using System.CommandLine;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.ShapesClip;

/// <summary>Whose gradients are measured, and how closely.</summary>
/// <param name="Pairs">How many training pairs stand for all of them.</param>
/// <param name="Passes">Over the pairs, for each loss and batch size.</param>
/// <param name="Seed">Which pairs, and in which batches.</param>
/// <param name="Threads">Of the arithmetic; they round the last digits.</param>
internal sealed record BiasSettings(
    IReadOnlyList<string> Models, int Pairs, IReadOnlyList<int> BatchSizes, int Passes, long Seed, string Device, int Threads);

/// <summary>The command <c>bias</c> and its options.</summary>
internal sealed class BiasCommand
{
    private readonly Option<string[]> _model = new("--model")
    {
        Description = "A folder with model.json, or an experiment's with one trained run; several give means",
        HelpName = "folder",
        DefaultValueFactory = _ => ["out/shapes-clip"],
    };

    private readonly Option<string> _pairs = Text("--pairs", "1024", "How many of its training pairs stand for the whole data set", "n");
    private readonly Option<string> _batchSize = Text("--batch-size", "8,16,32,64,128,256", "Batch sizes to measure", "list");
    private readonly Option<string> _passes = Text("--passes", "8", "Over these pairs, for each loss and batch size", "n");
    private readonly Option<string> _seed = Text("--seed", "1", "Which pairs, and in which batches", "n");
    private readonly Option<string> _device = Text("--device", "cpu", "cpu, cuda or cuda:1", "name");
    private readonly Option<string> _threads = Text("--threads", "1", "Threads; more pay for large batches only", "n");
    private readonly Option<string> _out = Text("--out", "out/shapes-bias", "Folder for the results", "folder");

    public BiasCommand() => Command.With(_model, _pairs, _batchSize, _passes, _seed, _device, _threads, _out);

    public Command Command { get; } = new(
        "bias", "Measures how far a batch's expected gradient is from that of all pairs at once, for trained towers: whether the batch size is what limits them.");

    public string Out(ParseResult parsed) => OutputFolder.Of(parsed.GetRequiredValue(_out));

    public BiasSettings Settings(ParseResult parsed)
    {
        var settings = new BiasSettings(
            [.. parsed.GetRequiredValue(_model).Select(path => Name(_model, path)!)],
            (int)Whole(_pairs, parsed.GetRequiredValue(_pairs), 4, 1_000_000),
            List(_batchSize, parsed.GetRequiredValue(_batchSize), text => (int)Whole(_batchSize, text, 2, 1 << 20)),
            (int)Whole(_passes, parsed.GetRequiredValue(_passes), 2, 100_000),
            Whole(_seed, parsed.GetRequiredValue(_seed), 0, int.MaxValue),
            parsed.GetRequiredValue(_device),
            (int)Whole(_threads, parsed.GetRequiredValue(_threads), 1, 1024));
        if (settings.BatchSizes.Max() is var largest && largest > settings.Pairs)
            throw new UserError($"--batch-size {largest}: is more than --pairs {settings.Pairs}");
        return settings;
    }
}
