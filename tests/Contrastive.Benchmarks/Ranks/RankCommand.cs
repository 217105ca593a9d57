using System.CommandLine;
using System.Globalization;
using Contrastive.Distributed;
using Contrastive.Samples;
using TorchSharp;

namespace Contrastive.Benchmarks.Ranks;

/// <summary>Two commands: what a step takes on several ranks, and what a model makes of it for more of them.</summary>
internal static class RankCommand
{
    /// <summary>The command that runs under mpirun.</summary>
    public const string Name = "ranks";

    private static readonly int[] Told = [8, 64, 1024];

    public static Command Ranks()
    {
        var batch = new Option<long>("--batch") { Description = "b, the rows of a rank", DefaultValueFactory = _ => 256 };
        var dim = new Option<long>("--dim") { Description = "D, the features of a row", DefaultValueFactory = _ => 512 };
        var steps = new Option<int>("--steps") { Description = "How many steps are measured", DefaultValueFactory = _ => 20 };
        var file = new Option<string>("--out") { Description = "JSON file for the figures", HelpName = "file" };
        var command = new Command(Name, "Times a step of the decomposable loss on the ranks that mpirun started (or one), for every exchange") { batch, dim, steps, file };
        command.SetAction(parsed =>
        {
            var (rows, width, count) = (BenchmarkCommand.AtLeast(parsed.GetValue(batch), "--batch", 2), BenchmarkCommand.AtLeast(parsed.GetValue(dim), "--dim", 1), (int)BenchmarkCommand.AtLeast(parsed.GetValue(steps), "--steps", 1));
            DistributedProgram.Run([], communicator =>
            {
                torch.set_num_threads(1);
                var figures = RankFigures.Measure(communicator, rows, width, count);
                if (communicator.Rank != 0) return;
                var table = new ResultsTable("one thread per rank, ms per step", "K", "compute", "exchange", "waiting", "MB sent");
                foreach (var entry in figures)
                    table.Row($"{entry.Exchange}", $"{entry.Ranks}", F(entry.ComputeMs), F(entry.ExchangeMs), F(entry.WaitingMs), F(entry.Bytes / 1e6));
                table.Write(parsed.InvocationConfiguration.Output);
                if (parsed.GetValue(file) is { } path) RankFigures.Write(path, figures);
            });
        });
        return command;
    }

    public static Command Scaling()
    {
        var from = new Option<string[]>("--from") { Description = "Files of `ranks`, of one rank and of several: the speeds that were measured", HelpName = "file", AllowMultipleArgumentsPerToken = true };
        var gigaflops = Number("--gigaflops", "10⁹ operations a second of a worker", 20_000);
        var bandwidth = Number("--gigabytes", "10⁹ bytes a second that a worker sends", 12);
        var latency = Number("--latency", "Microseconds of a message", 10);
        var batch = new Option<long>("--batch") { Description = "b, the rows of a worker", DefaultValueFactory = _ => 256 };
        var dim = new Option<long>("--dim") { Description = "D, the features of a row", DefaultValueFactory = _ => 512 };
        var weights = Number("--weights", "Millions of weights, whose gradients are summed", 151);
        var plot = new Option<string>("--plot") { Description = "PNG file", HelpName = "file", DefaultValueFactory = _ => "out/scaling.png" };
        var command = new Command("scaling", "A model of the time of a step for up to 1,024 workers, with speeds that are given or were measured") { from, gigaflops, bandwidth, latency, batch, dim, weights, plot };
        command.SetAction(parsed =>
        {
            var model = new ScalingModel(
                Positive(parsed.GetValue(gigaflops), "--gigaflops"),
                Positive(parsed.GetValue(bandwidth), "--gigabytes"),
                Positive(parsed.GetValue(latency), "--latency"),
                BenchmarkCommand.AtLeast(parsed.GetValue(batch), "--batch", 2),
                BenchmarkCommand.AtLeast(parsed.GetValue(dim), "--dim", 1),
                Positive(parsed.GetValue(weights), "--weights"));
            var output = parsed.InvocationConfiguration.Output;
            var models = new List<(string Title, ScalingModel Model)> { ("a cluster", model) };
            try
            {
                if (parsed.GetValue(from) is { Length: > 0 } files) models.Add(("this machine", model.Calibrated([.. files.SelectMany(RankFigures.Read)])));
            }
            catch (Exception unreadable) when (unreadable is IOException or InvalidDataException)
            {
                throw new UserError(unreadable.Message);
            }
            foreach (var (title, one) in models)
            {
                output.WriteLine($"{title}: {F(one.Gigaflops)} gigaflops, {F(one.GigabytesPerSecond)} GB/s, {F(one.LatencyMicroseconds)} µs; b = {one.Batch}, D = {one.Dim}");
                var table = new ResultsTable(["ms per step", .. Told.Select(ranks => $"K = {ranks}")]);
                foreach (var exchange in Enum.GetValues<Exchange>())
                    table.Row([$"{exchange}", .. Told.Select(ranks => F(one.Milliseconds(exchange, ranks)))]);
                table.Row([$"gradients of {F(one.MillionWeights)}M weights", .. Told.Select(ranks => F(one.GradientMilliseconds(ranks)))]);
                table.Write(output);
            }
            PlotFile.Write(parsed.GetValue(plot)!, [.. models.Select(entry => Panel(entry.Title, entry.Model))], panelWidth: 640);
            output.WriteLine($"plot: {parsed.GetValue(plot)}");
        });
        return command;
    }

    private static Panel Panel(string title, ScalingModel model)
    {
        int[] ranks = [.. Enumerable.Range(0, 11).Select(power => 1 << power)];
        double[] x = [.. ranks.Select(count => (double)count)];
        return new Panel(
            $"{title}: {F(model.Gigaflops)} gigaflops, {F(model.GigabytesPerSecond)} GB/s",
            $"workers, b = {model.Batch} rows of D = {model.Dim} each",
            "milliseconds per step",
            [
                .. Enum.GetValues<Exchange>().Select(exchange => new Curve($"{exchange}", x, [.. ranks.Select(count => model.Milliseconds(exchange, count))])),
                new Curve("gradients of the weights", x, [.. ranks.Select(model.GradientMilliseconds)], Style: new CurveStyle("#555555", 1, 1, Dashed: true)),
            ],
            LogX: true,
            LogY: true)
        {
            XTicks = [1, 8, 64, 1024],
        };
    }

    private static string F(double value) => value.ToString(value < 10 ? "0.###" : "N0", CultureInfo.InvariantCulture);

    private static Option<double> Number(string name, string what, double otherwise) => new(name) { Description = what, DefaultValueFactory = _ => otherwise };

    private static double Positive(double value, string name) => value > 0 && double.IsFinite(value) ? value : throw new UserError($"{name} must be above 0 but is {value}");
}
