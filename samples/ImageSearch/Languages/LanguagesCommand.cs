using System.CommandLine;
using Contrastive.Distributed;
using Contrastive.Modality;
using Contrastive.Samples.ImageSearch.Data;
using Contrastive.Samples.ImageSearch.Training;
using static Contrastive.Samples.CommandOptions;

namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>The command <c>languages</c> and its options.</summary>
internal sealed class LanguagesCommand
{
    private readonly Option<string> _images = new("--images") { Description = "Pictures of this folder instead of drawn ones", HelpName = "folder" };
    private readonly Option<string> _items = new("--items") { Description = "One line per picture: image<TAB>item; pictures of one thing are one item", HelpName = "file" };
    private readonly Option<string> _names = new("--names") { Description = "One line per name: item<TAB>language<TAB>name", HelpName = "file" };
    private readonly Option<string> _drawn = Text("--drawn", "600", "Without --images: how many items to draw, with names in de, en, fr and ja", "n");
    private readonly Option<string> _languages = Text("--languages", "all", "Which of them: en,de,ja", "list|all");
    private readonly Option<string> _towers = Text("--towers", "shared,own", "shared: one pair of towers for all of them; own: one pair each", "list");
    private readonly Option<string> _structure = Text("--structure", "none,in-modal", "none: pictures with names; in-modal: also names with names in other languages, and pictures with others of the same thing", "list");
    private readonly Option<string> _loss = Text("--loss", "gamma-mean", "Losses to compare, of infonce, siglip, dcl, gamma and gamma-mean", "list");
    private readonly Option<string> _batchSize = Text("--batch-size", "64", "Batch size", "n");
    private readonly Option<string> _learningRate = Text("--learning-rate", "auto", "Adam's largest step sizes to compare; auto is 0.002 at batches of 16 and goes with the square root of the batch size", "list|auto");
    private readonly Option<string> _epochs = Text("--epochs", "30", "How often a run sees as many samples as there are training items", "n");
    private readonly Option<string> _sharedEpochs = Text("--shared-epochs", "auto", "The same of the shared pair, to compare; auto is --epochs: equal samples per run", "list|auto");
    private readonly Option<string> _seeds = Text("--seeds", "1", "How many seeds, counted from 0, or a list such as 0,1,7 (and 7, for seed 7 alone)", "n|list");
    private readonly Option<bool> _validation = new("--validation") { Description = "Score on validation items instead of test items, to choose settings" };
    private readonly Option<string> _temperature = Text("--temperature", "0.07", "What similarities are divided by", "x");
    private readonly Option<string> _viewShift = Text("--view-shift", "2", "For in-modal: how far the other view of a picture is moved at most where its item has no other picture, in pixels", "n");
    private readonly Option<string> _pictureSize = Text("--picture-size", "32", "Pixels a side that they are resized to, a multiple of 4", "n");
    private readonly Option<string> _buckets = Text("--buckets", "16384", "How many numbers words and parts of words are hashed to, in every pair of towers", "n");
    private readonly Option<string> _channels = Text("--channels", "16", "Channels of the image tower's first convolution; the second has twice as many", "n");
    private readonly Option<string> _features = Text("--features", "128", "Width of the features", "n");
    private readonly Option<string> _testShare = Text("--test-share", "0.2", "Share of the items kept for testing", "x");
    private readonly Option<string> _validationShare = Text("--validation-share", "0.1", "Share of the items that --validation holds out and scores on", "x");
    private readonly Option<string> _splitSeed = Text("--split-seed", "0", "What draws them: the same for all seeds", "n");
    private readonly Option<string> _parallel = Text("--parallel", "auto", "Runs at a time, each on one thread; auto is one per processor", "n|auto");
    private readonly Option<string> _device = Text("--device", "cpu", "cpu, cuda or cuda:1", "name");
    private readonly Option<string> _records = new("--records") { Description = "File that finished runs are added to, a line each, and are found in; runs.jsonl in --out without it", HelpName = "file" };
    private readonly Option<bool> _finished = new("--finished") { Description = "Train nothing: report the runs that are finished" };
    private readonly Option<bool> _noModels = new("--no-models") { Description = "Do not keep the trained towers" };
    private readonly Option<string> _out = Text("--out", "out/image-search-languages", "Folder for the results", "folder");

    public LanguagesCommand()
    {
        Command = new Command("languages", "One pair of towers for names in all languages against one pair a language; several pictures of one thing.");
        Option[] options =
        [
            _images, _items, _names, _drawn, _languages, _towers, _structure, _loss, _batchSize, _learningRate, _epochs, _sharedEpochs, _seeds, _validation,
            _temperature, _viewShift, _pictureSize, _buckets, _channels, _features, _testShare, _validationShare, _splitSeed, _parallel, _device, _records,
            _finished, _noModels, _out,
        ];
        foreach (var option in options)
            Command.Add(option);
    }

    public Command Command { get; }

    public string Out(ParseResult parsed) => OutputFolder.Of(parsed.GetRequiredValue(_out));

    public Running Running(ParseResult parsed)
    {
        var outputs = new Outputs(Out(parsed));
        return new Running(
            Name(_records, parsed.GetValue(_records)) ?? outputs.Records,
            parsed.GetValue(_noModels) ? null : outputs,
            Parallel(_parallel, parsed.GetRequiredValue(_parallel)),
            parsed.GetValue(_finished),
            Communicator.Single);
    }

    public LanguagesSettings Settings(ParseResult parsed)
    {
        var source = Source(parsed);
        var shift = Whole(_viewShift, 0, 64);
        var epochs = Whole(_epochs, 1, 100_000);
        return new LanguagesSettings
        {
            Languages = parsed.GetRequiredValue(_languages) is var languages && languages == "all" ? [] : List(_languages, languages, language => language),
            Towers = Names(_towers, parsed.GetRequiredValue(_towers), [LanguageKey.Shared, LanguageKey.Own]),
            SharedEpochs = parsed.GetRequiredValue(_sharedEpochs) is var shared && shared == "auto"
                ? [epochs]
                : List(_sharedEpochs, shared, text => (int)CommandOptions.Whole(_sharedEpochs, text, 1, 1_000_000)),
            Training = new SearchSettings
            {
                Source = source,
                Drawn = source is null ? Whole(_drawn, 10, DrawnPictures.Most) : 0,
                Device = parsed.GetRequiredValue(_device),
                Losses = Names(_loss, parsed.GetRequiredValue(_loss), SearchLosses.Names),
                Memories = [0],
                BatchSizes = [Whole(_batchSize, 2, 1 << 20)],
                LearningRates = parsed.GetRequiredValue(_learningRate) is var rates && rates == "auto"
                    ? []
                    : List(_learningRate, rates, text => CommandOptions.Real(_learningRate, text, 1e-9, 10)),
                Structures = [.. Names(_structure, parsed.GetRequiredValue(_structure), [SearchStructure.None, SearchStructure.InModal])
                    .Select(name => SearchStructure.Of(name, new StructureWeights(0, 0, BridgeSide.First, 0.25, 0, 0), shift))],
                Seeds = Seeds(_seeds, parsed.GetRequiredValue(_seeds), Streams.LargestSeed),
                Epochs = epochs,
                Validation = parsed.GetValue(_validation),
                Temperature = Real(_temperature, 0.01, 1),
                Warmup = 0.05,
                WeightDecay = 0,
                Shift = 0,
                PictureSize = Multiple(_pictureSize, parsed.GetRequiredValue(_pictureSize), 4, 8, 512),
                Buckets = Whole(_buckets, 16, 1 << 24),
                Channels = Whole(_channels, 1, 65_536),
                Features = Whole(_features, 1, 65_536),
                TestShare = Real(_testShare, 0.001, 0.8),
                ValidationShare = Real(_validationShare, 0.001, 0.8),
                SplitSeed = Whole(_splitSeed, 0, int.MaxValue),
                Prompts = [],
                ProbeDraws = 0,
            },
        };

        int Whole(Option<string> option, int low, int high) => (int)CommandOptions.Whole(option, parsed.GetRequiredValue(option), low, high);

        double Real(Option<string> option, double low, double high) => CommandOptions.Real(option, parsed.GetRequiredValue(option), low, high);
    }

    private PictureSource? Source(ParseResult parsed)
    {
        if (Name(_images, parsed.GetValue(_images)) is { } folder)
        {
            Refuse(parsed, [_drawn], "is for drawn pictures: it does not go with --images");
            return new PictureSource(folder, null, null, Given(_items, "image<TAB>item for each picture"), Given(_names, "item<TAB>language<TAB>name for each name"));
        }

        Refuse(parsed, [_items, _names], "is for pictures of your own: it needs --images");
        return null;

        string Given(Option<string> option, string lines)
            => Name(option, parsed.GetValue(option)) ?? throw new UserError($"--images needs {option.Name}, a file with a line {lines}");
    }
}
