using Contrastive.Distributed;
using Contrastive.Samples.ImageSearch;
using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Samples.Tests.Common;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ImageSearch;

/// <summary>Several processes train a run together; here they are threads.</summary>
public sealed class RankTests : IDisposable
{
    private readonly PictureFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>
    /// The same global batches, in float32: sums in another order round otherwise. Weights were 6e-8 apart at most and figures the same; Adam makes a step of
    /// a gradient that is all rounding too, so 1e-4 is allowed, and an item of the 24 in recall.
    /// </summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Ranks_learn_what_one_process_does_and_the_first_has_the_console(int size)
    {
        RunSearch.With(Command("alone")).Code.Should().Be(0);

        var outcomes = ThreadGroup.Run(size, ranks =>
        {
            var (output, error) = (new StringWriter(), new StringWriter());
            var code = ImageSearchProgram.Run(
                Command("together"), ranks.Rank == 0 ? output : TextWriter.Null, error, () => { }, CancellationToken.None, ranks);
            return (Code: code, Output: output.ToString(), Error: error.ToString());
        });

        outcomes.Should().OnlyContain(outcome => outcome.Code == 0 && outcome.Error == "");
        outcomes[0].Output.Should().Contain("gamma-mean + memory 8 B=10 seed 0: recall");
        File.ReadAllLines(_folder.Path("together", "runs.jsonl")).Should().HaveCount(3);
        foreach (var run in new[] { "infonce-m8-b10-s0", "gamma-m8-b10-s0", "gamma-mean-m8-b10-s0" })
        {
            using var scope = NewDisposeScope();
            var (alone, together) = (Weights("alone", run), Weights("together", run));
            foreach (var (name, weight) in alone) (together[name] - weight).abs().max().item<float>().Should().BeLessThan(1e-4f, $"{name} of {run}");
        }
        foreach (var (together, alone) in RunSearch.Results(_folder.Path("together")).Zip(RunSearch.Results(_folder.Path("alone"))))
            foreach (var figure in new[] { "recall_at_1", "recall_at_10" })
                together.GetProperty(figure).GetDouble().Should().BeApproximately(alone.GetProperty(figure).GetDouble(), 1 / 24.0, $"{figure} of {together}");

        Dictionary<string, Tensor> Weights(string folder, string run)
        {
            using var model = SavedModel.Load(_folder.Path(folder, "models", run), CPU);
            return model.Towers.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        }
    }

    [Fact]
    public void A_batch_without_a_part_for_each_process_is_refused()
    {
        var errors = ThreadGroup.Run(3, ranks =>
        {
            var error = new StringWriter();
            ImageSearchProgram.Run(
                ["train", "--drawn", "40", "--picture-size", "16", "--batch-size", "2", "--out", _folder.Path("out")], TextWriter.Null, error, () => { }, CancellationToken.None, ranks)
                .Should().Be(2);
            ImageSearchProgram.Run(["train", "--parallel", "2", "--out", _folder.Path("out")], TextWriter.Null, error, () => { }, CancellationToken.None, ranks).Should().Be(2);
            return error.ToString();
        });
        errors.Should().OnlyContain(error => error.Contains("--batch-size 2: there are 3 processes") && error.Contains("--parallel 2: 3 processes"));
    }

    private string[] Command(string output) =>
    [
        "train", "--drawn", "120", "--buckets", "256", "--channels", "4", "--features", "16", "--picture-size", "16", "--probe-draws", "1",
        "--batch-size", "10", "--epochs", "3", "--shift", "1", "--loss", "infonce,gamma,gamma-mean", "--memory", "8",
        "--parallel", "1", "--out", _folder.Path(output),
    ];
}
