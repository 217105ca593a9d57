using System.Collections.Immutable;
using System.CommandLine;
using Contrastive.Distributed;
using Contrastive.Evaluation;
using Contrastive.Modality;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Training;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.ImageSearch;

/// <summary>The options of training and what they mean; every value is checked here, before anything is read.</summary>
internal sealed class TrainCommand
{
    private const string Tuned = "tuned";

    private readonly Option<string> _images = new("--images") { Description = "Train on the pictures of this folder (png, jpg, webp, gif, bmp, svg) instead of drawn ones", HelpName = "folder" };
    private readonly Option<string> _captions = new("--captions") { Description = "One line per caption: image<TAB>caption; a picture may have several", HelpName = "file" };
    private readonly Option<string> _labels = new("--labels") { Description = "One line per picture: image<TAB>category", HelpName = "file" };
    private readonly Option<string> _items = new("--items") { Description = "One line per picture: image<TAB>item; pictures of one thing are one item", HelpName = "file" };
    private readonly Option<string> _drawn = Text("--drawn", "1500", "Without --images: how many items to draw", "n");
    private readonly Option<string> _loss = Text("--loss", "infonce,gamma-mean", "Losses to compare, of infonce, siglip, dcl, gamma (u drawn) and gamma-mean (u its posterior mean)", "list");
    private readonly Option<string> _memory = Text("--memory", "0,128", "Rows of recent batches to use at the largest step size; eight times as many as it falls; 0 for none", "list");
    private readonly Option<string> _batchSize = Text("--batch-size", "16", "Batch sizes to compare", "list");
    private readonly Option<string> _learningRate = Text("--learning-rate", "auto", "Adam's largest step sizes to compare; auto is 0.002 at batches of 16 and goes with the square root of the batch size; tuned is chosen on validation items, for each loss and batch size", "list|auto|tuned");
    private readonly Option<string> _epochs = Text("--epochs", "12", "How often each run sees as many samples as there are training items", "n");
    private readonly Option<string> _seeds = Text("--seeds", "1", "How many seeds, counted from 0, or a list such as 0,1,7 (and 7, for seed 7 alone)", "n|list");
    private readonly Option<bool> _validation = new("--validation") { Description = "Score on validation items instead of test items, to choose step sizes" };
    private readonly Option<string> _temperature = Text("--temperature", "0.07", "What similarities are divided by", "x");
    private readonly Option<string> _warmup = Text("--warmup", "0.05", "Share of the steps in which the step size rises; then it falls to 0 on a cosine", "x");
    private readonly Option<string> _weightDecay = Text("--weight-decay", "0", "Decoupled, as AdamW's: times the learning rate", "x");
    private readonly Option<string> _shift = Text("--shift", "0", "How far a picture is moved at most each time it is seen, in pixels", "n");
    private readonly Option<string> _pictureSize = Text("--picture-size", "32", "Pixels a side that they are resized to, a multiple of 4", "n");
    private readonly Option<string> _buckets = Text("--buckets", "4096", "How many numbers words and triples of letters are hashed to", "n");
    private readonly Option<string> _channels = Text("--channels", "16", "Channels of the image tower's first convolution; the second has twice as many", "n");
    private readonly Option<string> _features = Text("--features", "128", "Width of the features", "n");
    private readonly Option<string> _testShare = Text("--test-share", "0.2", "Share of the items kept for testing", "x");
    private readonly Option<string> _validationShare = Text("--validation-share", "0.1", "Share of the items that --validation holds out and scores on", "x");
    private readonly Option<string> _splitSeed = Text("--split-seed", "0", "What draws them: the same for all seeds", "n");
    private readonly Option<string> _prompts = new("--prompts") { Description = "Prompts for the categories, one per line, {} for the name; without it the name alone", HelpName = "file" };
    private readonly Option<string> _probeDraws = Text("--probe-draws", "3", "How often the labelled pictures of a few-shot probe are drawn", "n");
    private readonly Option<string> _structure = new("--structure") { Description = "Structures beside the contrast, to compare: none, in-modal (contrasts with another view), separation, bridge, consistency, all; given, all labels are probed with too", HelpName = "list" };
    private readonly Option<string> _separationWeight = Text("--separation-weight", "1", "Weights of the feature separation to compare", "list");
    private readonly Option<string> _bridgeWeight = Text("--bridge-weight", "0.1", "Weights of the Brownian bridge to compare", "list");
    private readonly Option<string> _bridgeSide = Text("--bridge-side", "first", "Whose other views lie on the bridge: first (pictures), second (captions) or both", "name");
    private readonly Option<string> _bridgeTime = Text("--bridge-time", "0.25", "Where on the bridge: the weight of their own side", "x");
    private readonly Option<string> _consistencyWeight = Text("--consistency-weight", "0.003", "Weights of the geometric consistency to compare", "list");
    private readonly Option<string> _viewShift = Text("--view-shift", "2", "For --structure: how far the other view of a picture is moved at most where its item has no other picture, in pixels", "n");
    private readonly Option<string> _parallel = Text("--parallel", "auto", "Runs at a time, each on one thread; auto is one per processor, and with mpirun one", "n|auto");
    private readonly Option<string> _device = Text("--device", "cpu", "cpu, cuda or cuda:1", "name");
    private readonly Option<string> _records = new("--records") { Description = "File that finished runs are added to, a line each, and are found in; runs.jsonl in --out without it", HelpName = "file" };
    private readonly Option<bool> _finished = new("--finished") { Description = "Train nothing: report the runs that are finished" };
    private readonly Option<bool> _noModels = new("--no-models") { Description = "Do not keep the trained towers" };
    private readonly Option<string> _out = Text("--out", "out/image-search", "Folder for the results", "folder");

    /// <param name="commands">Those that train.</param>
    public TrainCommand(params IReadOnlyList<Command> commands)
    {
        Option[] options =
        [
            _images, _captions, _labels, _items, _drawn, _loss, _memory, _batchSize, _learningRate, _epochs, _seeds, _validation, _temperature, _warmup,
            _weightDecay, _shift, _pictureSize, _buckets, _channels, _features, _testShare, _validationShare, _splitSeed, _prompts, _probeDraws,
            _structure, _separationWeight, _bridgeWeight, _bridgeSide, _bridgeTime, _consistencyWeight, _viewShift, _parallel,
            _device, _records, _finished, _noModels, _out,
        ];
        foreach (var command in commands)
        {
            foreach (var option in options)
                command.Add(option);
        }
    }

    public string Out(ParseResult parsed) => OutputFolder.Of(parsed.GetRequiredValue(_out));

    public Running Running(ParseResult parsed, Outputs outputs, Communicator ranks)
    {
        var (text, parallel) = (parsed.GetRequiredValue(_parallel), Parallel(_parallel, parsed.GetRequiredValue(_parallel)));
        return new Running(
            Name(_records, parsed.GetValue(_records)) ?? outputs.Records,
            parsed.GetValue(_noModels) || ranks.Rank > 0 ? null : outputs,
            Ranks.RunsAtATime(ranks, _parallel, parallel, text != "auto"),
            parsed.GetValue(_finished),
            ranks);
    }

    public SearchSettings Settings(ParseResult parsed)
    {
        var source = Source(parsed);
        var settings = new SearchSettings
        {
            Source = source,
            Drawn = source is null ? Whole(_drawn, 10, DrawnPictures.Most) : 0,
            Device = parsed.GetRequiredValue(_device),
            Losses = Names(_loss, parsed.GetRequiredValue(_loss), SearchLosses.Names),
            Memories = List(_memory, parsed.GetRequiredValue(_memory), text => (int)CommandOptions.Whole(_memory, text, 0, 1 << 20)),
            BatchSizes = List(_batchSize, parsed.GetRequiredValue(_batchSize), text => (int)CommandOptions.Whole(_batchSize, text, 2, 1 << 20)),
            LearningRates = parsed.GetRequiredValue(_learningRate) is var rates && rates is "auto" or Tuned
                ? []
                : List(_learningRate, rates, text => CommandOptions.Real(_learningRate, text, 1e-9, 10)),
            Tuned = rates == Tuned,
            Seeds = Seeds(_seeds, parsed.GetRequiredValue(_seeds), Streams.LargestSeed),
            Epochs = Whole(_epochs, 1, 100_000),
            Validation = parsed.GetValue(_validation),
            Temperature = Real(_temperature, 0.01, 1),
            Warmup = Real(_warmup, 0, 0.9),
            WeightDecay = Real(_weightDecay, 0, 10),
            Shift = Whole(_shift, 0, 64),
            PictureSize = Multiple(_pictureSize, parsed.GetRequiredValue(_pictureSize), 4, 8, 512),
            Buckets = Whole(_buckets, 16, 1 << 24),
            Channels = Whole(_channels, 1, 65_536),
            Features = Whole(_features, 1, 65_536),
            TestShare = Real(_testShare, 0.001, 0.8),
            ValidationShare = Real(_validationShare, 0.001, 0.8),
            SplitSeed = Whole(_splitSeed, 0, int.MaxValue),
            Structures = SearchStructures(parsed),
            Prompts = Prompts(parsed),
            ProbeDraws = Whole(_probeDraws, 1, 1000),
        };
        if (settings is { Tuned: true, Validation: true })
            throw new UserError($"{_learningRate.Name} {Tuned} chooses on validation items and scores on test items: it does not go with {_validation.Name}");
        return settings.Grid.Count > 0
            ? settings
            : throw new UserError($"{_memory.Name} {parsed.GetRequiredValue(_memory)}: siglip takes no memory, and nothing else is asked for");

        int Whole(Option<string> option, int low, int high) => (int)CommandOptions.Whole(option, parsed.GetRequiredValue(option), low, high);

        double Real(Option<string> option, double low, double high) => CommandOptions.Real(option, parsed.GetRequiredValue(option), low, high);
    }

    /// <summary>Null without the option: then runs are those of earlier versions, and their lines are found.</summary>
    private SearchStructure[]? SearchStructures(ParseResult parsed)
    {
        if (parsed.GetValue(_structure) is not { } text)
        {
            Refuse(parsed, [_separationWeight, _bridgeWeight, _bridgeSide, _bridgeTime, _consistencyWeight, _viewShift], $"needs {_structure.Name}");
            return null;
        }

        var side = Choice<BridgeSide>(_bridgeSide, parsed.GetRequiredValue(_bridgeSide));
        var time = CommandOptions.Real(_bridgeTime, parsed.GetRequiredValue(_bridgeTime), 0.001, 0.999);
        var shift = (int)CommandOptions.Whole(_viewShift, parsed.GetRequiredValue(_viewShift), 0, 64);
        var (separations, bridges, consistencies) = (Weights(_separationWeight), Weights(_bridgeWeight), Weights(_consistencyWeight));
        // A structure with one weight has a run for each of that weight's values, not for each of the others'.
        return [.. (from name in Names(_structure, text, SearchStructure.Names)
                    from separation in separations
                    from bridge in bridges
                    from consistency in consistencies
                    select SearchStructure.Of(name, new StructureWeights(separation, bridge, side, time, consistency, Cyclip: 0), shift)).Distinct()];

        double[] Weights(Option<string> option) => List(option, parsed.GetRequiredValue(option), value => CommandOptions.Real(option, value, 1e-9, 1e6));
    }

    private PictureSource? Source(ParseResult parsed)
    {
        if (Name(_images, parsed.GetValue(_images)) is { } folder)
        {
            Refuse(parsed, [_drawn], "is for drawn pictures: it does not go with --images");
            return new PictureSource(
                folder,
                Name(_captions, parsed.GetValue(_captions)) ?? throw new UserError("--images needs --captions, a file with one line per caption, image<TAB>caption"),
                Name(_labels, parsed.GetValue(_labels)),
                Name(_items, parsed.GetValue(_items)));
        }

        Refuse(parsed, [_captions, _labels, _items], "is for pictures of your own: it needs --images");
        return null;
    }

    private ImmutableArray<string> Prompts(ParseResult parsed)
    {
        if (Name(_prompts, parsed.GetValue(_prompts)) is not { } file)
            return ["{}"];
        try
        {
            return PromptTemplates.Read(file);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or ArgumentException or InvalidDataException)
        {
            throw new UserError($"{_prompts.Name} {file}: {problem.Message}", problem);
        }
    }
}
