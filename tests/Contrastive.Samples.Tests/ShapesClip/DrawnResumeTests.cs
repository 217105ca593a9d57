namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class DrawnResumeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_on_drawn_shapes_that_was_stopped_goes_on_bit_for_bit_and_can_be_asked()
    {
        RunShapes.With(Tiny.Drawn(_folder, "whole")).Code.Should().Be(0);

        RunShapes.Stopping(13, Tiny.Drawn(_folder, "cut")).Code.Should().Be(130);
        RunShapes.With(Tiny.Drawn(_folder, "cut")).Code.Should().Be(0);

        Same.Models(_folder.Path("whole"), _folder.Path("cut"));
        var (code, output, error) = RunShapes.With(
            "query", "--model", _folder.Path("cut"), "--text", "a red circle", "--drawn", "20", "--top", "2", "--out", _folder.Path("sheet.png"));
        code.Should().Be(0, error);
        output.Should().Contain("the nearest of 20 pictures");
        File.ReadAllBytes(_folder.Path("sheet.png"))[1..4].Should().Equal("PNG"u8.ToArray());
    }
}
