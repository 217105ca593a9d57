using System.CommandLine;
using System.Text.Json;
using Contrastive.Benchmarks.Cases;
using Contrastive.Benchmarks.Cost;
using Contrastive.Benchmarks.Memory;
using Contrastive.Benchmarks.Ranks;
using Contrastive.Benchmarks.Reporting;
using Contrastive.Samples;
using TorchSharp;

namespace Contrastive.Benchmarks;

/// <summary>The options of the command line; every value is checked here, before anything runs.</summary>
internal sealed class BenchmarkCommand
{
    /// <summary>The command that a child process is started with.</summary>
    public const string Probe = "probe";

    /// <summary>The command that a child process with encoders is started with.</summary>
    public const string BeyondProbe = "beyond-probe";

    private const string RepositoryPlot = "docs/images/cost.png";

    private readonly Option<bool> _quick = new("--quick") { Description = "Whether everything works, in a minute: batches of 256, few iterations, one thread, one memory probe" };
    private readonly Option<bool> _cost = new("--cost") { Description = $"The cost of a step as the batch grows, D = {CostSweep.Dim}, instead of the cases; with a plot" };
    private readonly Option<long> _largest = new("--largest")
    {
        Description = "The last batch of --cost, which doubles from 1024",
        HelpName = "batch",
        DefaultValueFactory = _ => CostSweep.Largest,
    };

    private readonly Option<string> _plot = new("--plot")
    {
        Description = $"PNG file for --cost; by default {RepositoryPlot} where that folder is, else out/cost.png",
        HelpName = "file",
    };

    private readonly Option<string[]> _filter = new("--filter")
    {
        Description = "Only these cases, by name or with * for any part of it",
        HelpName = "case",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<bool> _beyond = new("--beyond") { Description = "The peak memory of a step with encoders as the batch grows, plain and in micro-batches, instead of the cases" };
    private readonly Option<bool> _list = new("--list") { Description = "Only print the names of the cases" };
    private readonly Option<string> _out = new("--out") { Description = "JSON file for the results", HelpName = "file" };
    private readonly Option<bool> _noMemory = new("--no-memory") { Description = "Times only" };
    private readonly Option<int?> _threads = new("--threads")
    {
        Description = "Threads of libtorch; by default as many as there are cores, and 1 with --quick",
        HelpName = "n",
        Recursive = true,
    };

    private readonly Argument<string> _case = new("case") { Description = "A case by its name" };
    private readonly Argument<long> _batch = new("batch") { Description = "Rows" };
    private readonly Argument<long> _dim = new("dim") { Description = "Features of a row" };
    private readonly Argument<string[]> _point = new("point") { Description = "batch micro-batch plain|cached|accumulated infonce|gamma", Arity = new ArgumentArity(4, 4) };
    private readonly Option<StepForm> _form = new("--form") { Description = "Whose form", DefaultValueFactory = _ => StepForm.Ours };

    public BenchmarkCommand()
    {
        Root = new RootCommand(
            "Times forward and backward of the losses against the floor (three matrix products) and the peers' formulations, and measures their peak memory in child processes.");
        foreach (var option in new Option[] { _quick, _list, _filter, _cost, _beyond, _largest, _plot, _out, _noMemory, _threads })
            Root.Add(option);
        var probe = new Command(Probe, "Runs one form of a case in this process alone and prints the peak memory of its steps above their inputs, as JSON") { _case, _batch, _dim, _form };
        probe.SetAction(parsed => parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(RunProbe(parsed), ResultFile.Json)));
        Root.Add(probe);
        var beyond = new Command(BeyondProbe, "Runs one step with encoders in this process alone and prints its peak memory, as JSON") { _point };
        beyond.SetAction(parsed => parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(RunBeyond(parsed), ResultFile.Json)));
        Root.Add(beyond);
        Root.Add(RankCommand.Ranks());
        Root.Add(RankCommand.Scaling());
    }

    public RootCommand Root { get; }

    /// <summary>Whether the names are all that was asked for.</summary>
    public bool ListsOnly(ParseResult parsed) => parsed.GetValue(_list);

    public BenchmarkSettings Settings(ParseResult parsed)
    {
        var quick = parsed.GetValue(_quick);
        var cases = CaseList.Matching(parsed.GetValue(_filter) ?? []);
        var cost = parsed.GetValue(_cost) ? Cost(parsed, quick) : null;
        if (cost is not null && parsed.GetResult(_filter) is not null)
            throw new UserError("--filter chooses cases, and --cost runs others");
        if (cost is not null && parsed.GetValue(_noMemory))
            throw new UserError("--no-memory leaves out what --cost shows");
        return new BenchmarkSettings
        {
            Cases = quick ? [.. cases.Select(step => step.Quick())] : cases,
            Cost = cost,
            Beyond = parsed.GetValue(_beyond),
            Quick = quick,
            Memory = !parsed.GetValue(_noMemory),
            Threads = Threads(parsed, quick),
            Out = parsed.GetValue(_out) is not "" and var file ? file : throw new UserError("--out is empty"),
        };
    }

    private CostSettings Cost(ParseResult parsed, bool quick)
    {
        var largest = parsed.GetValue(_largest);
        if (largest < CostSweep.Smallest) throw new UserError($"--largest must be at least {CostSweep.Smallest} but is {largest}");
        // A quick look never replaces the picture of the documentation.
        var plot = !quick && Directory.Exists(Path.GetDirectoryName(RepositoryPlot)) ? RepositoryPlot : "out/cost.png";
        return new CostSettings(
            quick ? CostSweep.Batches(256, CostSweep.Smallest) : CostSweep.Batches(CostSweep.Smallest, largest),
            parsed.GetValue(_plot) ?? plot);
    }

    private ProbeResult RunProbe(ParseResult parsed)
    {
        torch.set_num_threads(Threads(parsed, quick: false));
        var step = CaseList.Named(parsed.GetRequiredValue(_case)) with
        {
            Batch = AtLeast(parsed.GetValue(_batch), "batch", least: 2),
            Dim = AtLeast(parsed.GetValue(_dim), "dim", least: 1),
        };
        var form = parsed.GetValue(_form);
        if (!step.Has(form)) throw new UserError($"--form {form}: {step.Name} has no such form");
        return MemoryProbe.Run(step, form);
    }

    private ProbeResult RunBeyond(ParseResult parsed)
    {
        torch.set_num_threads(Threads(parsed, quick: false));
        try
        {
            return BeyondMemory.Run(BeyondPoint.Parse(parsed.GetRequiredValue(_point)));
        }
        catch (FormatException unreadable)
        {
            throw new UserError(unreadable.Message);
        }
    }

    /// <summary>On a busy machine threads wait for each other, longest where there is least to do: a smoke run does without.</summary>
    private int Threads(ParseResult parsed, bool quick)
        => (int)AtLeast(parsed.GetValue(_threads) ?? (quick ? 1 : Environment.ProcessorCount), "--threads", least: 1);

    /// <summary>Refuses a number that is too small, by the name of its option.</summary>
    internal static long AtLeast(long value, string name, long least)
        => value >= least ? value : throw new UserError($"{name} must be at least {least} but is {value}");
}
