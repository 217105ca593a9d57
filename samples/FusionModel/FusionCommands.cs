using System.CommandLine;
using Contrastive.Samples.FusionModel.Data;
using Contrastive.Samples.FusionModel.Training;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.FusionModel;

/// <summary>What to ask a fine-tuned model.</summary>
internal sealed record AskSettings(string Model, string Picture, string Text, string Sheet, string Device);

/// <summary>The commands with their options; every value is checked here, before anything is read.</summary>
internal sealed class FusionCommands
{
    private readonly Option<string> _images = new("--images") { Description = "The pictures' folder, instead of drawn scenes", HelpName = "folder" };
    private readonly Option<string> _captions = new("--captions") { Description = "One line per caption: image<TAB>caption", HelpName = "file" };
    private readonly Option<string> _train = new("--train") { Description = "To learn from, one line per example: image<TAB>sentence<TAB>answer", HelpName = "file" };
    private readonly Option<string> _test = new("--test") { Description = "To score on, the same", HelpName = "file" };
    private readonly Option<string> _model = new("--model") { Description = "Folder of `pretrain`, all of whose models are fine-tuned; without it nothing comes before", HelpName = "folder" };
    private readonly Option<string> _tuned = new("--model") { Description = "Folder of `finetune`, or of one of its models", HelpName = "folder", Required = true };
    private readonly Option<string> _picture = new("--picture") { Description = "What it is about", HelpName = "file", Required = true };
    private readonly Option<string> _text = new("--text") { Description = "A question, statement or hypothesis", HelpName = "words", Required = true };
    private readonly Option<string> _sheet = Text("--out", "ask.png", "Where the words look", "file");
    private readonly Option<string> _loss = Text("--loss", "infonce", "Contrasts to compare: infonce, with a momentum model's targets and queue, and gamma-mean, with a memory", "list");
    private readonly Option<string> _structure = Text("--structure", "none", "Structures to compare, of none, separation, bridge, consistency and all", "list");
    private readonly Option<string> _seeds = Text("--seeds", "1", "How many seeds, counted from 0, or a list such as 0,1,7 (and 7, for seed 7 alone)", "n|list");
    private readonly Option<string> _drawn = Standard("--drawn", "8000 scenes, 24000 examples", "Without --images: how many to draw");
    private readonly Option<string> _drawnTest = Standard("--drawn-test", "1200", "Without --images: how many examples to score on");
    private readonly Option<string> _scenes = Text("--scenes", "places", "Without --images: what to draw, of places (two by two, for all tasks) and boxes (in NLVR's manner, for reasoning)", "name");
    private readonly Option<string> _queue = Text("--queue", "512", "Rows of the queue, or of the memory", "n");
    private readonly Option<string> _side = Standard("--picture-size", "32, or 48 of --scenes boxes", "Pixels a side that a picture or box is resized to, a multiple of 8; a pretrained model has its own");
    private readonly Option<string> _width = Standard("--width", "64", "Of each token, a multiple of 4; a pretrained model has its own");
    private readonly Option<string> _layers = Standard("--layers", "2", "Of each of the three encoders; a pretrained model has its own");
    private readonly Option<string> _features = Text("--features", "64", "Width of the space that pictures and texts share", "n");
    private readonly Option<string> _boxes = Text("--boxes", "3", "Reasoning on files: how many square pictures stand side by side in each", "n");
    private readonly Option<string> _assigned = Text("--boxes", "1", "With 2 or more, texts are assigned to one of so many pictures, or to none: prepares for reasoning", "n");
    private readonly Option<bool> _ordered = new("--ordered") { Description = "Reasoning: sentences speak of the boxes' order, so they do not change places in training" };
    private readonly Option<string> _batchSize = Standard("--batch-size", "64", "Pictures or examples a step");
    private readonly Option<string> _epochs = Standard("--epochs", "12 to pretrain, 6 to fine-tune, 5 for reasoning", "How often each is seen");
    private readonly Option<string> _blindEpochs = Standard("--blind-epochs", "2", "The same, of the models without picture and without text");
    private readonly Option<string> _learningRate = Text("--learning-rate", "0.001", "Adam's largest step size; it rises, and falls to 0 on a cosine", "x");
    private readonly Option<string> _weightDecay = Text("--weight-decay", "0.01", "Decoupled, as AdamW's: times the learning rate", "x");
    private readonly Option<bool> _quick = new("--quick") { Description = "Everything small: a look at the program within a minute" };
    private readonly Option<string> _checkpoint = Text("--checkpoint-every", "30s", "How often: 500 is steps, 30s and 5m are times", "n|time");
    private readonly Option<string> _parallel = Text("--parallel", "auto", "Runs at a time, each on one thread; auto is one per processor", "n|auto");
    private readonly Option<string> _records = new("--records") { Description = "File that finished runs are added to, a line each, and are found in; runs.jsonl in --out without it", HelpName = "file" };
    private readonly Option<string> _device = Text("--device", "cpu", "cpu, cuda or cuda:1", "name");
    private readonly Option<string> _out = Text("--out", "out/fusion-model", "Folder for the results", "folder");

    public FusionCommands()
    {
        Option[] both = [_images, _drawn, _side, _width, _layers, _batchSize, _epochs, _learningRate, _weightDecay, _seeds, _quick, _checkpoint, _parallel, _device, _out];
        Pretrain = Command("pretrain", "Trains the encoders on pictures and captions: contrast, matching, masked words, structures.", [_captions, _scenes, _loss, _structure, _queue, _features, _assigned, .. both]);
        Tasks = [.. Enum.GetValues<FusionTask>().Select(task => Command(
            Name(task), $"{task}, on drawn scenes or on files.", [_model, _train, _test, _drawnTest, .. task == FusionTask.Reasoning ? [_scenes, _boxes, _ordered] : Array.Empty<Option>(), _blindEpochs, _records, .. both]))];
        var finetune = new Command("finetune", "Trains a model for a task and scores it, beside the majority and models without picture or text.");
        foreach (var task in Tasks)
            finetune.Add(task);
        Ask = Command("ask", "Answers a question about a picture, or judges a statement, with a fine-tuned model.", [_tuned, _picture, _text, _sheet, _device]);
        foreach (var command in new[] { Pretrain, finetune, Ask })
            Root.Add(command);

        static Command Command(string name, string description, Option[] options)
        {
            var command = new Command(name, description);
            foreach (var option in options)
                command.Add(option);
            return command;
        }
    }

    public RootCommand Root { get; } = new("A small fusion model in the manner of ALBEF: pretraining, three tasks, and answers.");

    public Command Pretrain { get; }

    /// <summary>In the order of <see cref="FusionTask"/>.</summary>
    public IReadOnlyList<Command> Tasks { get; }

    public Command Ask { get; }

    public static string Name(FusionTask task) => task.ToString().ToLowerInvariant();

    public Running Running(ParseResult parsed, bool hasRecords)
    {
        var folder = OutputFolder.Of(parsed.GetRequiredValue(_out));
        var interval = parsed.GetRequiredValue(_checkpoint);
        _ = CheckpointOption.Parse(_checkpoint.Name, interval);
        return new Running(
            folder,
            (hasRecords ? CommandOptions.Name(_records, parsed.GetValue(_records)) : null) ?? Path.Combine(folder, "runs.jsonl"),
            interval,
            Parallel(_parallel, parsed.GetRequiredValue(_parallel)));
    }

    public PretrainSettings PretrainSettings(ParseResult parsed)
    {
        var images = CommandOptions.Name(_images, parsed.GetValue(_images));
        var captions = CommandOptions.Name(_captions, parsed.GetValue(_captions));
        if (images is null != captions is null)
            throw new UserError("--images and --captions belong together: a folder, and a file with one line per caption, image<TAB>caption");
        return new PretrainSettings
        {
            Images = images,
            Captions = captions,
            Scenes = Scenes(parsed, images),
            Drawn = images is null ? Value(parsed, _drawn, 8000, 240, 16, 1_000_000) : 0,
            Losses = Names(_loss, parsed.GetRequiredValue(_loss), [Losses.Baseline, "gamma-mean"]),
            Structures = Names(_structure, parsed.GetRequiredValue(_structure), [Structures.None, Structures.Separation, Structures.Bridge, Structures.Consistency, Structures.All]),
            Seeds = Seeds(_seeds, parsed.GetRequiredValue(_seeds), Streams.LargestSeed),
            Queue = (int)Whole(_queue, parsed.GetRequiredValue(_queue), 1, 1 << 20),
            Side = Side(parsed, Scenes(parsed, images)),
            Width = Width(parsed),
            Layers = Value(parsed, _layers, 2, 1, 1, 100),
            Features = (int)Whole(_features, parsed.GetRequiredValue(_features), 1, 65_536),
            Boxes = (int)Whole(_assigned, parsed.GetRequiredValue(_assigned), 1, 16),
            Pace = Pace(parsed, 12),
            Device = parsed.GetRequiredValue(_device),
        };
    }

    public FinetuneSettings FinetuneSettings(ParseResult parsed, FusionTask task)
    {
        var (images, train, test) = (CommandOptions.Name(_images, parsed.GetValue(_images)), CommandOptions.Name(_train, parsed.GetValue(_train)), CommandOptions.Name(_test, parsed.GetValue(_test)));
        if (new[] { images, train, test }.Count(given => given is null) is not (0 or 3))
            throw new UserError("--images, --train and --test belong together: a folder, and two files with one line per example, image<TAB>sentence<TAB>answer");
        var reasoning = task == FusionTask.Reasoning;
        return new FinetuneSettings
        {
            Task = Name(task),
            Model = CommandOptions.Name(_model, parsed.GetValue(_model)),
            Images = images,
            Train = train,
            Test = test,
            Scenes = reasoning ? Scenes(parsed, images) : null,
            Drawn = images is null ? Value(parsed, _drawn, 24_000, 240, 16, 1_000_000) : 0,
            DrawnTest = images is null ? Value(parsed, _drawnTest, 1200, 120, 16, 1_000_000) : 0,
            Boxes = reasoning && images is not null ? (int)Whole(_boxes, parsed.GetRequiredValue(_boxes), 1, 16) : reasoning ? 3 : 1,
            Ordered = reasoning && parsed.GetValue(_ordered),
            Seeds = Seeds(_seeds, parsed.GetRequiredValue(_seeds), Streams.LargestSeed),
            Side = Side(parsed, reasoning ? Scenes(parsed, images) : null),
            Width = Width(parsed),
            Layers = Value(parsed, _layers, 2, 1, 1, 100),
            Pace = Pace(parsed, reasoning ? 5 : 6),
            BlindEpochs = Value(parsed, _blindEpochs, 2, 1, 1, 100_000),
            Device = parsed.GetRequiredValue(_device),
        };
    }

    public AskSettings AskSettings(ParseResult parsed) => new(
        CommandOptions.Name(_tuned, parsed.GetRequiredValue(_tuned))!,
        CommandOptions.Name(_picture, parsed.GetRequiredValue(_picture))!,
        CommandOptions.Name(_text, parsed.GetRequiredValue(_text))!,
        OutputFolder.OfFile(parsed.GetRequiredValue(_sheet)),
        parsed.GetRequiredValue(_device));

    /// <summary>Null for those of places, and of files.</summary>
    private DrawnScenes? Scenes(ParseResult parsed, string? images)
        => Choice<DrawnScenes>(_scenes, parsed.GetRequiredValue(_scenes)) is var scenes && images is null && scenes != DrawnScenes.Places ? scenes : null;

    private int Side(ParseResult parsed, DrawnScenes? scenes)
        => parsed.GetValue(_side) is { } text ? Multiple(_side, text, 8, 8, 512) : TaskData.SideOf(scenes);

    private int Width(ParseResult parsed)
        => Value(parsed, _width, 64, 32, 4, 65_536) is var width && width % 4 == 0 ? width : throw new UserError($"{_width.Name} must be a multiple of 4 but is {width}");

    private Pace Pace(ParseResult parsed, int epochs) => new(
        Value(parsed, _batchSize, 64, 16, 2, 1 << 20),
        Value(parsed, _epochs, epochs, 2, 1, 100_000),
        Real(_learningRate, parsed.GetRequiredValue(_learningRate), 1e-9, 10),
        Real(_weightDecay, parsed.GetRequiredValue(_weightDecay), 0, 10));

    private static Option<string> Standard(string name, string standard, string description)
        => new(name) { Description = $"{description} [default: {standard}]", HelpName = "n" };

    /// <summary>As given, or else a value for thorough runs, or one for a quick look.</summary>
    private int Value(ParseResult parsed, Option<string> option, int standard, int quick, int low, int high)
        => parsed.GetValue(option) is { } text ? (int)Whole(option, text, low, high) : parsed.GetValue(_quick) ? quick : standard;
}
