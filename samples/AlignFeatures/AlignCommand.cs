using System.CommandLine;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>Everything that decides the figures of an experiment. It is written into the summary and the checkpoint.</summary>
public sealed record AlignSettings : TwoTowerSettings
{
    /// <summary>Null where the data set is made up.</summary>
    public required string? Left { get; init; }

    public required string? Right { get; init; }

    public required string? Labels { get; init; }

    /// <summary>How many items are made up without files.</summary>
    public required int Items { get; init; }

    public required int Hidden { get; init; }

    public required double TestFraction { get; init; }

    /// <summary>The standard deviation of the noise that an augmentation adds to standardised features.</summary>
    public required double Noise { get; init; }

    /// <summary>The share of features that an augmentation drops.</summary>
    public required double Dropout { get; init; }

    /// <summary>Whether runs are probed for the labels; needs labels.</summary>
    public required bool Probe { get; init; }
}

/// <summary>The options of the command line and what they mean; every value is checked here, before anything is read.</summary>
internal sealed class AlignCommand
{
    private readonly Option<string?> _left = new("--left") { Description = "Features of one side, .npy or .csv; row i is item i", HelpName = "file" };
    private readonly Option<string?> _right = new("--right") { Description = "Features of the other side, the same items in the same order", HelpName = "file" };
    private readonly Option<string?> _labels = new("--labels") { Description = "Class of each item, .npy or .csv, for the label mAP", HelpName = "file" };
    private readonly Option<string> _loss = Text("--loss", "infonce,gamma,gamma-mean", "Losses to compare, of infonce, gamma (u drawn) and gamma-mean (u its posterior mean)", "list");
    private readonly Option<string> _batchSize = Text("--batch-size", "8,32", "Batch sizes to compare", "list");
    private readonly Option<string> _epochs = Text("--epochs", "20", "Passes over the training items", "n");
    private readonly Option<string> _temperature = Text("--temperature", "0.1", "What similarities are divided by", "x");
    private readonly Option<string> _seeds = Text("--seeds", "3", "How many seeds, counted from 0, or a list such as 0,1,7 (and 7, for seed 7 alone)", "n|list");
    private readonly Option<string> _hidden = Text("--hidden", "256", "Units of each tower's hidden layer", "n");
    private readonly Option<string> _features = Text("--features", "32", "Width of the embeddings", "n");
    private readonly Option<string> _learningRate = Text("--learning-rate", "0.001", "Adam's, falling to 0 on a cosine", "x");
    private readonly Option<string> _weightDecay = Text("--weight-decay", "1", "Decoupled, as AdamW's: times the learning rate", "x");
    private readonly Option<string> _testFraction = Text("--test-fraction", "0.2", "Share of the items held out", "x");
    private readonly Option<string> _structure = Text("--structure", "none", "Structure beside the contrast: none, four-part (in-modal contrasts), cyclip, separation, two-heads (separation without orthogonality), bridge, consistency, all", "list");
    private readonly Option<string> _separationWeight = Text("--separation-weight", "1", "Of the feature separation", "x");
    private readonly Option<string> _bridgeWeight = Text("--bridge-weight", "3", "Of the Brownian bridge", "x");
    private readonly Option<string> _bridgeSide = Text("--bridge-side", "first", "Whose augmentations lie on the bridge: first, second or both", "name");
    private readonly Option<string> _bridgeTime = Text("--bridge-time", "0.75", "Where on the bridge: the weight of their own side", "x");
    private readonly Option<string> _consistencyWeight = Text("--consistency-weight", "0.1", "Of the geometric consistency", "x");
    private readonly Option<string> _cyclipWeight = Text("--cyclip-weight", "0.25", "Of each of CyCLIP's two consistencies", "x");
    private readonly Option<string> _noise = Text("--noise", "0.3", "Noise an augmentation adds, in standard deviations of a feature", "x");
    private readonly Option<string> _dropout = Text("--dropout", "0.3", "Share of the features an augmentation drops", "x");
    private readonly Option<bool> _probe = new("--probe") { Description = "Probe the embeddings for the labels: linear, few-shot and nearest neighbours. On with a structure" };
    private readonly Option<string> _probeDraws = Text("--probe-draws", "5", "How often the items of a few-shot probe are drawn", "n");
    private readonly Option<string> _device = Text("--device", "cpu", "cpu, cuda or cuda:1", "name");
    private readonly Option<string> _checkpointEvery = Text("--checkpoint-every", "30s", "How often to write a checkpoint: steps (500) or a time (30s, 5m). Ctrl-C and SIGTERM always write one", "n|time");
    private readonly Option<string> _out = Text("--out", "out/align-features", "Folder for the results; an experiment in it that was stopped goes on", "folder");
    private readonly Option<bool> _quick = new("--quick") { Description = "A look in seconds: 300 made-up items, 2 epochs, 1 seed, batch size 8, where not given" };
    private readonly Option<string?> _resume = new("--resume")
    {
        Description = "Go on from this checkpoint of the same settings; without a file, insist on the one in --out",
        HelpName = "file",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public AlignCommand()
    {
        Root.With(
            _left, _right, _labels, _loss, _structure, _batchSize, _epochs, _temperature, _seeds, _hidden, _features,
            _learningRate, _weightDecay, _testFraction, _separationWeight, _bridgeWeight, _bridgeSide, _bridgeTime, _consistencyWeight, _cyclipWeight, _noise, _dropout,
            _probe, _probeDraws, _device, _checkpointEvery, _out, _quick, _resume);
    }

    public RootCommand Root { get; } = new("Trains two small towers so that matching rows of two feature files meet, and compares losses on held-out rows.");

    public string Out(ParseResult parsed) => OutputFolder.Of(parsed.GetRequiredValue(_out));

    /// <summary>The checkpoint to go on from: the one that is named, or the one in the output folder. Null to start afresh.</summary>
    /// <exception cref="UserError">Another one is named, and the output folder has one that would be overwritten.</exception>
    public string? Resume(ParseResult parsed, Outputs outputs)
    {
        var own = outputs.CheckpointPath;
        if (Name(_resume, parsed.GetValue(_resume)) is not { } named)
            return File.Exists(own) || parsed.GetResult(_resume) is not null ? own : null;
        return File.Exists(own) && Path.GetFullPath(own) != Path.GetFullPath(named)
            ? throw new UserError($"--resume {named}: {own} is there too; go on from that one without --resume, or choose another --out")
            : named;
    }

    public CheckpointInterval Interval(ParseResult parsed) => CheckpointOption.Parse(_checkpointEvery.Name, parsed.GetRequiredValue(_checkpointEvery));

    public AlignSettings Settings(ParseResult parsed)
    {
        var quick = parsed.GetValue(_quick);
        string? left = Name(_left, parsed.GetValue(_left)), right = Name(_right, parsed.GetValue(_right)), labels = Name(_labels, parsed.GetValue(_labels));
        if (left is null != right is null)
            throw new UserError($"--left and --right belong together: {(left is null ? "--left" : "--right")} is missing");
        if (labels is not null && left is null)
            throw new UserError("--labels needs --left and --right");
        var structures = Names(_structure, parsed.GetRequiredValue(_structure), Structures.Names);
        var labelled = labels is not null || left is null;
        if (parsed.GetValue(_probe) && !labelled)
            throw new UserError("--probe needs --labels");
        var probe = labelled && (parsed.GetValue(_probe) || structures.Any(name => name != Structures.None));
        return new AlignSettings
        {
            Left = left,
            Right = right,
            Labels = labels,
            Items = quick ? 300 : 1000,
            Device = parsed.GetRequiredValue(_device),
            Losses = Names(_loss, parsed.GetRequiredValue(_loss), Losses.Names),
            Structures = structures,
            BatchSizes = [.. List(_batchSize, Value(_batchSize, "8"), text => (int)Whole(_batchSize, text, 2, 1 << 20))],
            Seeds = Seeds(_seeds, Value(_seeds, "1"), Streams.LargestSeed),
            Epochs = (int)Whole(_epochs, Value(_epochs, "2"), 1, 100_000),
            Temperature = Real(_temperature, 0.001, 100),
            Hidden = (int)Whole(_hidden, Value(_hidden), 1, 65_536),
            Features = (int)Whole(_features, Value(_features), 1, 65_536),
            LearningRate = Real(_learningRate, 1e-9, 10),
            WeightDecay = Real(_weightDecay, 0, 10),
            TestFraction = Real(_testFraction, 0.01, 0.9),
            SeparationWeight = Real(_separationWeight, 0, 1e6),
            BridgeWeight = Real(_bridgeWeight, 0, 1e6),
            BridgeSide = Choice<BridgeSide>(_bridgeSide, Value(_bridgeSide)),
            BridgeTime = Real(_bridgeTime, 0.001, 0.999),
            ConsistencyWeight = Real(_consistencyWeight, 0, 1e6),
            CyclipWeight = Real(_cyclipWeight, 0, 1e6),
            Noise = Real(_noise, 0, 100),
            Dropout = Real(_dropout, 0, 0.99),
            Probe = probe,
            ProbeDraws = (int)Whole(_probeDraws, Value(_probeDraws, "1"), 1, 1000),
        };

        string Value(Option<string> option, string? whenQuick = null)
            => CommandOptions.Value(parsed, option, quick ? whenQuick : null);

        double Real(Option<string> option, double low, double high) => CommandOptions.Real(option, Value(option), low, high);
    }
}
