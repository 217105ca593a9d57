using System.CommandLine;
using Contrastive.Distributed;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.ShapesClip;

/// <summary>Everything that decides the figures of an experiment. It is written into the summary and beside each run.</summary>
public sealed record ShapesSettings : TwoTowerSettings
{
    /// <summary>How many pairs are drawn for training.</summary>
    public required int Pairs { get; init; }

    public required bool LearnTemperature { get; init; }

    /// <summary>Whether pairs with the same shape, colour, size and place have one id: then they are no negatives of each other.</summary>
    public bool FactsAsIds { get; init; }

    /// <summary>How many items the decomposable loss contrasts each one with; null for all of them.</summary>
    public long? Population { get; init; }

    /// <summary>The share of the newest batch in the decomposable loss's running estimate of log Z, at the first visit.</summary>
    public required double FirstRho { get; init; }

    /// <summary>And in the last epoch; between them it follows half a cosine.</summary>
    public required double LastRho { get; init; }

    /// <summary>Channels of the image tower's first layer.</summary>
    public required int ImageWidth { get; init; }

    /// <summary>The width of the text tower's tokens.</summary>
    public required int TextWidth { get; init; }

    public required int TextDepth { get; init; }

    /// <summary>The width of both towers' encodings.</summary>
    public required int Encoding { get; init; }

    /// <summary>The share of the steps in which the learning rate rises.</summary>
    public required double Warmup { get; init; }

    /// <summary>The least share of a side that an augmentation's crop keeps.</summary>
    public required double Crop { get; init; }

    public required double Jitter { get; init; }

    public required double Synonyms { get; init; }

    public required double Swap { get; init; }

    public required double Deletion { get; init; }

    /// <summary>Labels of each class that a few-shot probe learns from.</summary>
    public required int Shots { get; init; }

    /// <summary>What decides one run's figures: these settings without the lists that make the grid.</summary>
    internal ShapesSettings OfOneRun => this with { Losses = [], Structures = [], BatchSizes = [], Seeds = [] };
}

/// <summary>The experiments that come as commands of their own.</summary>
internal enum Study
{
    /// <summary>Whatever the options ask for.</summary>
    None,

    /// <summary>Does the decomposable loss at half the batch size match InfoNCE?</summary>
    BatchSize,

    /// <summary>What does each structure keep, and what does it cost?</summary>
    Structures,
}

/// <summary>The commands, their options and what they mean; every value is checked here, before anything is drawn.</summary>
internal sealed class ShapesCommand
{
    private readonly Option<string> _loss = Text("--loss", "infonce", "Losses to compare, of infonce, gamma (u drawn) and gamma-mean (u its posterior mean)", "list");
    private readonly Option<string> _structure = Text("--structure", "none", "Structure beside the contrast: none, four-part (in-modal contrasts), cyclip, separation, two-heads (separation without orthogonality), bridge, consistency, all", "list");
    private readonly Option<string> _batchSize = Text("--batch-size", "64", "Batch sizes to compare", "list");
    private readonly Option<string> _seeds = Text("--seeds", "1", "How many seeds, counted from 0, or a list such as 0,1,7 (and 7, for seed 7 alone)", "n|list");
    private readonly Option<string> _pairs = Text("--pairs", "20000", "Pairs drawn for training", "n");
    private readonly Option<string> _epochs = Text("--epochs", "5", "Passes over them", "n");
    private readonly Option<string> _temperature = Text("--temperature", "0.07", "What similarities are divided by", "x");
    private readonly Option<bool> _learnTemperature = new("--learn-temperature") { Description = "Learn it, from that start" };
    private readonly Option<bool> _factsAsIds = new("--facts-as-ids") { Description = "One id for all pairs with the same shape, colour, size and place: they are no negatives of each other" };
    private readonly Option<string> _population = Text("--population", "256", "For gamma and gamma-mean: how many items each one is contrasted with, as if batches were so large", "n|all");
    private readonly Option<string> _firstRho = Text("--first-rho", "0.9", "For gamma and gamma-mean: the share of the newest batch in the estimate of log Z, at first", "x");
    private readonly Option<string> _lastRho = Text("--last-rho", "0.5", "And at last; it goes from one to the other on a cosine", "x");
    private readonly Option<string> _imageWidth = Text("--image-width", "32", "Channels of the image tower's first layer, a multiple of 8", "n");
    private readonly Option<string> _textWidth = Text("--text-width", "48", "Width of the text tower, a multiple of 4", "n");
    private readonly Option<string> _textDepth = Text("--text-depth", "2", "Blocks of the text tower", "n");
    private readonly Option<string> _encoding = Text("--encoding", "128", "Width of both towers' encodings", "n");
    private readonly Option<string> _features = Text("--features", "64", "Width of the embeddings", "n");
    private readonly Option<string> _learningRate = Text("--learning-rate", "0.003", "Adam's at batches of 128; it goes with the square root of the batch size", "x");
    private readonly Option<string> _warmup = Text("--warmup", "0.05", "Share of the steps in which it rises; then it falls to 0 on a cosine", "x");
    private readonly Option<string> _weightDecay = Text("--weight-decay", "0.05", "Decoupled, as AdamW's: times the learning rate", "x");
    private readonly Option<string> _separationWeight = Text("--separation-weight", "1", "Of the feature separation", "x");
    private readonly Option<string> _bridgeWeight = Text("--bridge-weight", "0.1", "Of the Brownian bridge", "x");
    private readonly Option<string> _bridgeSide = Text("--bridge-side", "first", "Whose augmentations lie on the bridge: first (pictures), second (captions) or both", "name");
    private readonly Option<string> _bridgeTime = Text("--bridge-time", "0.25", "Where on the bridge: the weight of their own side", "x");
    private readonly Option<string> _consistencyWeight = Text("--consistency-weight", "0.003", "Of the geometric consistency", "x");
    private readonly Option<string> _cyclipWeight = Text("--cyclip-weight", "0.025", "Of each of CyCLIP's two consistencies; its authors' is 0.25", "x");
    private readonly Option<string> _crop = Text("--crop", "0.85", "The least share of a side that an augmentation's crop keeps", "x");
    private readonly Option<string> _jitter = Text("--jitter", "0.1", "The largest change of brightness and contrast", "x");
    private readonly Option<string> _synonyms = Text("--synonyms", "0.5", "How often a word is said with a synonym drawn anew", "x");
    private readonly Option<string> _swap = Text("--swap", "0.5", "How often an augmented caption has two neighbours swapped", "x");
    private readonly Option<string> _deletion = Text("--deletion", "0.15", "How often an augmented caption loses a word", "x");
    private readonly Option<string> _shots = Text("--shots", "5", "Labels of each class for the few-shot probes", "n");
    private readonly Option<string> _probeDraws = Text("--probe-draws", "3", "How often they are drawn", "n");
    private readonly Option<string> _device = Text("--device", "cpu", "cpu, cuda or cuda:1", "name");
    private readonly Option<string> _workers = Text("--workers", "1", "Runs at a time", "n");
    private readonly Option<string> _threads = Text("--threads", "1", "Threads of each run", "n");
    private readonly Option<string> _checkpoint = Text("--checkpoint-every", "30s", "How often each run writes a checkpoint: steps, such as 500, or a time, such as 30s or 5m", "n|time");
    private readonly Option<string> _out = Text("--out", "out/shapes-clip", "Folder for the results; finished runs in it are not done again", "folder");

    private readonly Option<bool> _quick = new("--quick") { Description = "A look in seconds: 2000 pairs, 2 epochs and small towers, where not given; one seed of a study" };

    private readonly Command _batchSizeStudy = new("batch-size", "InfoNCE against the decomposable loss at batch sizes from 16 to 256");
    private readonly Command _structuresStudy = new("structures", "Contrastive alone against each structure of the space, and all of them");

    public ShapesCommand()
    {
        Option[] options =
        [
            _loss, _structure, _batchSize, _seeds, _pairs, _epochs, _temperature, _learnTemperature, _factsAsIds, _population, _firstRho, _lastRho, _imageWidth, _textWidth, _textDepth,
            _encoding, _features, _learningRate, _warmup, _weightDecay, _separationWeight, _bridgeWeight, _bridgeSide, _bridgeTime,
            _consistencyWeight, _cyclipWeight, _crop, _jitter, _synonyms, _swap, _deletion, _shots, _probeDraws, _device, _workers, _threads, _checkpoint, _out, _quick,
        ];
        // Not recursive: the bias has options of its own.
        foreach (var command in new[] { Root, _batchSizeStudy, _structuresStudy })
            command.With(options);
        Root.Add(Bias.Command);
        Root.Add(new Command("study", "The experiments of docs/results.md; a study that was stopped goes on where it was") { _batchSizeStudy, _structuresStudy });
    }

    public RootCommand Root { get; } = new("Trains an image tower and a text tower on drawn shapes, and measures what they know.");

    public BiasCommand Bias { get; } = new();

    public string Out(ParseResult parsed) => OutputFolder.Of(Value(parsed, _out));

    public RunOptions Run(ParseResult parsed, Communicator ranks)
    {
        var interval = parsed.GetRequiredValue(_checkpoint);
        CheckpointOption.Parse(_checkpoint.Name, interval);
        return new RunOptions(
            Ranks.RunsAtATime(ranks, _workers, (int)Whole(_workers, Value(parsed, _workers), 1, 1024), parsed.GetResult(_workers) is { Implicit: false }),
            (int)Whole(_threads, parsed.GetRequiredValue(_threads), 1, 1024),
            () => CheckpointOption.Parse(_checkpoint.Name, interval),
            ranks);
    }

    public ShapesSettings Settings(ParseResult parsed)
    {
        return new ShapesSettings
        {
            Pairs = Whole(_pairs, 2, 4_000_000),
            Device = parsed.GetRequiredValue(_device),
            Losses = Names(_loss, Value(parsed, _loss), Losses.Names),
            Structures = Names(_structure, Value(parsed, _structure), Structures.Names),
            BatchSizes = List(_batchSize, Value(parsed, _batchSize), text => (int)CommandOptions.Whole(_batchSize, text, 2, 1 << 20)),
            Seeds = Seeds(_seeds, Value(parsed, _seeds), Streams.LargestSeed),
            Epochs = Whole(_epochs, 1, 100_000),
            Temperature = Real(_temperature, 0.01, 1),
            LearnTemperature = parsed.GetValue(_learnTemperature),
            FactsAsIds = parsed.GetValue(_factsAsIds),
            Population = Value(parsed, _population) == "all" ? null : Whole(_population, 2, int.MaxValue),
            FirstRho = Real(_firstRho, 1e-6, 1),
            LastRho = Real(_lastRho, 1e-6, 1),
            ImageWidth = Multiple(_imageWidth, 8),
            TextWidth = Multiple(_textWidth, 4),
            TextDepth = Whole(_textDepth, 1, 64),
            Encoding = Whole(_encoding, 1, 65_536),
            Features = Whole(_features, 1, 65_536),
            LearningRate = Real(_learningRate, 1e-9, 10),
            Warmup = Real(_warmup, 0, 0.9),
            WeightDecay = Real(_weightDecay, 0, 10),
            SeparationWeight = Real(_separationWeight, 0, 1e6),
            BridgeWeight = Real(_bridgeWeight, 0, 1e6),
            BridgeSide = Choice<BridgeSide>(_bridgeSide, Value(parsed, _bridgeSide)),
            BridgeTime = Real(_bridgeTime, 0.001, 0.999),
            ConsistencyWeight = Real(_consistencyWeight, 0, 1e6),
            CyclipWeight = Real(_cyclipWeight, 0, 1e6),
            Crop = Real(_crop, 0.1, 1),
            Jitter = Real(_jitter, 0, 1),
            Synonyms = Real(_synonyms, 0, 1),
            Swap = Real(_swap, 0, 1),
            Deletion = Real(_deletion, 0, 1),
            Shots = Whole(_shots, 1, 50),
            ProbeDraws = Whole(_probeDraws, 1, 1000),
        };

        int Whole(Option<string> option, int low, int high) => (int)CommandOptions.Whole(option, Value(parsed, option), low, high);

        double Real(Option<string> option, double low, double high) => CommandOptions.Real(option, Value(parsed, option), low, high);

        int Multiple(Option<string> option, int of) => CommandOptions.Multiple(option, Value(parsed, option), of, of, 65_536);
    }

    /// <summary>Which study is asked for, if one is.</summary>
    public Study Study(ParseResult parsed)
        => parsed.CommandResult.Command == _batchSizeStudy ? ShapesClip.Study.BatchSize
            : parsed.CommandResult.Command == _structuresStudy ? ShapesClip.Study.Structures
            : ShapesClip.Study.None;

    /// <summary>What is given, or what <c>--quick</c> or the study sets, or the default.</summary>
    private string Value(ParseResult parsed, Option<string> option)
        => CommandOptions.Value(parsed, option, (parsed.GetValue(_quick) ? Quick(Study(parsed), option) : null) ?? Preset(Study(parsed), option));

    private static string? Preset(Study study, Option<string> option) => (study, option.Name) switch
    {
        (not ShapesClip.Study.None, "--seeds") => "1,2,3",
        (not ShapesClip.Study.None, "--workers") => "2",
        (ShapesClip.Study.BatchSize, "--loss") => "infonce,gamma-mean",
        (ShapesClip.Study.BatchSize, "--batch-size") => "16,32,64,128,256",
        (ShapesClip.Study.BatchSize, "--out") => "out/shapes-clip-batch-size",
        (ShapesClip.Study.Structures, "--structure") => "none,four-part,cyclip,separation,bridge,consistency,all",
        (ShapesClip.Study.Structures, "--out") => "out/shapes-clip-structures",
        _ => null,
    };

    private static string? Quick(Study study, Option<string> option) => option.Name switch
    {
        "--seeds" when study != ShapesClip.Study.None => "1,",
        "--pairs" => "2000",
        "--epochs" => "2",
        "--image-width" or "--text-width" => "16",
        "--text-depth" or "--probe-draws" => "1",
        "--encoding" => "64",
        "--features" => "32",
        "--learning-rate" => "0.006",
        _ => null,
    };
}
