using System.CommandLine;
using Contrastive.Benchmarks.Cases;
using Contrastive.Samples;

namespace Contrastive.Benchmarks;

/// <summary>The options of the command line; every value is checked here, before anything runs.</summary>
internal sealed class BenchmarkCommand
{
    private readonly Option<bool> _quick = new("--quick") { Description = "Whether everything works, in a minute: batches of 256 and few iterations" };
    private readonly Option<string[]> _filter = new("--filter")
    {
        Description = $"Only these cases, by name or by part of it and *: {string.Join(", ", CaseList.All.Select(step => step.Name))}",
        HelpName = "case",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string> _out = new("--out") { Description = "JSON file for the results", HelpName = "file" };
    private readonly Option<bool> _noMemory = new("--no-memory") { Description = "Times only" };
    private readonly Option<int> _threads = new("--threads")
    {
        Description = "Threads of libtorch",
        HelpName = "n",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    public BenchmarkCommand()
    {
        Root = new RootCommand(
            "Times forward and backward of the losses against the floor (three matrix products) and the peers' formulations, and measures their peak memory in child processes.");
        foreach (var option in new Option[] { _quick, _filter, _out, _noMemory, _threads })
            Root.Add(option);
    }

    public RootCommand Root { get; }

    public BenchmarkSettings Settings(ParseResult parsed)
    {
        var quick = parsed.GetValue(_quick);
        var cases = CaseList.Matching(parsed.GetValue(_filter) ?? []);
        return new BenchmarkSettings
        {
            Cases = quick ? [.. cases.Select(step => step.Quick())] : cases,
            Quick = quick,
            Memory = !parsed.GetValue(_noMemory),
            Threads = parsed.GetRequiredValue(_threads) is var threads and >= 1 ? threads : throw new UserError("--threads must be at least 1"),
            Out = parsed.GetValue(_out),
        };
    }
}
