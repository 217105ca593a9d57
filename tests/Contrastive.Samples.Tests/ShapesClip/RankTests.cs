using Contrastive.Distributed;
using Contrastive.Samples.ShapesClip;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ShapesClip;

/// <summary>Several processes train a run together; here they are threads.</summary>
public sealed class RankTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>
    /// The same global batches of 7, views and draws, in float32: sums in another order round otherwise. Adam makes whole steps of rounding where there is no
    /// gradient (a bias that all keys have changes no attention) and of a single weight's where there is hardly any: hence means. A fault moves them by 1e-3.
    /// </summary>
    [Theory]
    [InlineData("none", "infonce", 2, 3)]
    [InlineData("none", "gamma", 3, 1)]
    [InlineData("all", "gamma-mean", 2, 3)]
    public void Ranks_learn_what_one_process_does_and_another_number_of_them_goes_on(string structure, string loss, int before, int after)
    {
        var command = new ShapesCommand();
        var settings = command.Settings(command.Root.Parse(
            ["--pairs", "35", "--epochs", "2", "--image-width", "16", "--text-width", "8", "--encoding", "16", "--features", "8", "--learn-temperature", "--bridge-side", "both"]));
        using var data = ShapeData.Draw(settings.Pairs, 0, CPU);
        using var alone = Run(Communicator.Single);
        Steps(alone, 10);

        ThreadGroup.Run(before, ranks =>
        {
            using var run = Run(ranks);
            Steps(run, 6);
            if (ranks.Rank == 0)
                CheckpointFile.Save(_folder.Path("cut"), run.Curves, run.Parts);
        });
        ThreadGroup.Run(after, ranks =>
        {
            using var scope = NewDisposeScope();
            using var run = Run(ranks);
            var file = CheckpointFile.Open(_folder.Path("cut"));
            run.Restore(file, file.Header<RunCurves>());
            Steps(run, 4);

            var weights = run.Towers.state_dict();
            foreach (var (name, weight) in alone.Towers.state_dict().Where(entry => !entry.Key.EndsWith("attention.bias")))
                (weights[name] - weight).abs().mean().item<float>().Should().BeLessThan(1e-5f, name);
            run.Temperature.Should().BeApproximately(alone.Temperature, 1e-6).And.NotBe(settings.Temperature);
            run.Curves.Terms.Should().HaveCount(2).And.BeEquivalentTo(alone.Curves.Terms, options => options
                .Using<double>(term => term.Subject.Should().BeApproximately(term.Expectation, 1e-4)).WhenTypeIs<double>());
        });

        TrainingRun Run(Communicator ranks) => new(new RunKey(structure, loss, 7, 0), settings, data, _ => new Glance(0, 0), CPU, ranks);

        static void Steps(TrainingRun run, int count)
        {
            for (var step = 0; step < count; step++)
            {
                run.TakeStep();
                run.AfterStep();
            }
        }
    }

    [Fact]
    public void The_first_rank_alone_has_console_and_files_and_when_it_stops_the_same_command_goes_on()
    {
        // Each rank has a folder of its own: nothing may come to be in the second's.
        FluentActions.Invoking(() => ThreadGroup.Run(2, ranks =>
        {
            using var stop = new CancellationTokenSource();
            Program(ranks, stop.Cancel, stop.Token);
        })).Should().Throw<InvalidOperationException>("the second waits for the first, until the launcher ends it");
        Directory.Exists(Folder(1)).Should().BeFalse();
        var checkpoint = Directory.GetFiles(Path.Combine(Folder(0), "runs")).Should().ContainSingle().Which;

        // As on a file system that both see.
        var copy = Path.Combine(Directory.CreateDirectory(Path.Combine(Folder(1), "runs")).FullName, Path.GetFileName(checkpoint));
        var saved = File.ReadAllBytes(checkpoint);
        File.WriteAllBytes(copy, saved);
        var outcomes = ThreadGroup.Run(2, ranks => Program(ranks, () => { }, CancellationToken.None));

        outcomes.Should().OnlyContain(outcome => outcome.Code == 0 && outcome.Error == "");
        outcomes[0].Output.Should().ContainAll("goes on after step 1 of 2", "summary.json", "planes.png");
        Directory.GetFiles(Path.Combine(Folder(0), "runs")).Should().BeEmpty();
        File.ReadLines(Path.Combine(Folder(0), "runs.jsonl")).Should().ContainSingle();
        Directory.GetFiles(Folder(1), "*", SearchOption.AllDirectories).Should().Equal(copy);
        File.ReadAllBytes(copy).Should().Equal(saved);

        string Folder(int rank) => _folder.Path($"of-{rank}");

        (int Code, string Output, string Error) Program(Communicator ranks, Action afterStep, CancellationToken stop)
        {
            var (output, error) = (new StringWriter(), new StringWriter());
            var code = ShapesClipProgram.Run(
                [.. Tiny.Training(Folder(ranks.Rank), epochs: 1), "--probe-draws", "1", "--shots", "1"], output, error, afterStep, stop, ranks);
            return (code, output.ToString(), error.ToString());
        }
    }

    [Fact]
    public void What_several_processes_cannot_do_is_refused_by_name()
    {
        var errors = ThreadGroup.Run(3, ranks =>
        {
            var error = new StringWriter();
            foreach (var command in new string[][] { ["--batch-size", "2"], ["--workers", "2"], ["bias"] })
                ShapesClipProgram.Run([.. command, "--out", _folder.Path("out")], TextWriter.Null, error, () => { }, CancellationToken.None, ranks).Should().Be(2);
            return error.ToString();
        });

        errors.Should().OnlyContain(error => error.Contains("--batch-size 2: there are 3 processes") && error.Contains("--workers 2: 3 processes") && error.Contains("bias runs in one process, but 3"));
        Directory.Exists(_folder.Path("out")).Should().BeFalse();
    }
}
