using Contrastive.Samples.ShapesClip;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ShapesClip;

/// <summary>Drawn shapes without the program around them: its measurement takes longer than all other tests.</summary>
public sealed class DrawnResumeTests : IDisposable
{
    private static readonly RunKey Key = new("all", "gamma", 4, 0);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_on_drawn_shapes_that_was_stopped_goes_on_bit_for_bit()
    {
        var command = new ShapesCommand();
        var settings = command.Settings(command.Root.Parse(["--pairs", "40", "--epochs", "2", "--image-width", "8", "--text-width", "8", "--encoding", "16", "--features", "8", "--learn-temperature"]));
        using var data = ShapeData.Draw(settings.Pairs, 0, CPU);
        using var whole = Run();
        Steps(whole, 20);

        using (var cut = Run())
        {
            Steps(cut, 13);
            CheckpointFile.Save(_folder.Path("cut"), cut.Curves, cut.Parts);
        }

        using var resumed = Run();
        var file = CheckpointFile.Open(_folder.Path("cut"));
        resumed.Restore(file, file.Header<RunCurves>());
        Steps(resumed, 7);

        resumed.StepsDone.Should().Be(resumed.Steps).And.Be(20);
        resumed.Temperature.Should().Be(whole.Temperature).And.NotBe(settings.Temperature);
        resumed.Curves.Terms.Should().BeEquivalentTo(whole.Curves.Terms).And.HaveCount(2);
        SavedModel.Save(_folder.Path("resumed"), resumed.Towers, Key, settings, resumed.Temperature);
        SavedModel.Save(_folder.Path("whole"), whole.Towers, Key, settings, whole.Temperature);
        foreach (var name in new[] { ModelFolder.WeightsName, ModelFolder.DescriptionName })
            File.ReadAllBytes(_folder.Path("resumed", name)).Should().Equal(File.ReadAllBytes(_folder.Path("whole", name)));

        var (code, output, error) = RunShapes.With(
            "bias", "--model", _folder.Path("resumed"), "--pairs", "8", "--batch-size", "4", "--passes", "2", "--out", _folder.Path("bias"));
        code.Should().Be(0, error);
        output.Should().Contain("of 8 training pairs");

        TrainingRun Run() => new(Key, settings, data, _ => new Glance(0, 0), CPU);

        static void Steps(TrainingRun run, int count)
        {
            for (var step = 0; step < count; step++)
            {
                run.TakeStep();
                run.AfterStep();
            }
        }
    }
}
