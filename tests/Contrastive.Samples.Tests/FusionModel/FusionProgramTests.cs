using System.Text.Json;
using Contrastive.Samples.FusionModel;
using Contrastive.Samples.FusionModel.Data;
using SkiaSharp;

namespace Contrastive.Samples.Tests.FusionModel;

public sealed class FusionProgramTests : IDisposable
{
    private static readonly string[] Tiny = ["--quick", "--drawn", "64", "--width", "16", "--batch-size", "16", "--parallel", "1"];
    private static readonly string[] Columns =
        ["task", "pretraining", "loss", "structure", "seed", "accuracy", "majority", "without_picture", "without_text"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Pretrained_models_are_fine_tuned_and_answer()
    {
        Good(["pretrain", .. Tiny, "--loss", "infonce,gamma-mean", "--structure", "none,all", "--epochs", "1", "--boxes", "3", "--out", _folder.Path("before")]);
        var pretrained = Results("before");
        pretrained.Should().HaveCount(4);
        pretrained.Should().OnlyContain(result => result.GetProperty("matching").GetDouble() > 0 && result.GetProperty("words").GetDouble() > 0 && result.GetProperty("assignment").GetDouble() > 0);

        Good(["finetune", "reasoning", .. Tiny, "--drawn-test", "32", "--epochs", "1", "--blind-epochs", "1", "--model", _folder.Path("before"), "--out", _folder.Path("after")]);
        var results = Results("after");
        results.Should().HaveCount(4);
        foreach (var result in results)
        {
            result.EnumerateObject().Select(property => property.Name).Should().Equal(Columns);
            result.GetProperty("majority").GetDouble().Should().Be(0.5);
        }

        // On from there, on other data.
        var picture = Boxes("more.png", 3);
        var lines = Text("more.tsv", string.Concat(Enumerable.Range(0, 16).Select(i => $"{Path.GetFileName(picture)}\tthere is a {(i % 2 == 0 ? "red" : "purple")} box\t{(i % 2 == 0 ? "true" : "false")}\n")));
        string[] more = ["--images", _folder.Root, "--train", lines, "--test", lines];
        Good(["finetune", "reasoning", .. Small, .. more, "--model", _folder.Path("after"), "--out", _folder.Path("more")]).Should().Contain("infonce, reasoning before");
        Results("more").Select(result => result.GetProperty("pretraining").GetString()).Distinct().Should().Equal("itc+itm+mlm+reasoning");
        Bad(["finetune", "vqa", .. Small, "--model", _folder.Path("after"), "--out", _folder.Path("other")]).Should().Contain("fine-tuned for reasoning");

        // A scene of three boxes, side by side, and one that fine-tuning left to ask about.
        var model = Directory.GetDirectories(_folder.Path("after", "models"))[0];
        var output = Good(["ask", "--model", model, "--picture", Boxes("boxes.png", 3), "--text", "there is a box with a red circle", "--out", _folder.Path("ask.png")]);
        output.Should().Contain("true").And.Contain("false");
        File.Exists(_folder.Path("ask.png")).Should().BeTrue();
        var scene = _folder.Path("after", "scene.png");
        var drawn = TaskData.Draw(FusionTask.Reasoning, 64, 32, seed: 0, DrawnScenes.Places);
        PictureFile.Boxes(scene, 32, 3).Should().Equal(drawn.Pictures[drawn.Test[0].Picture]);
        Good(["ask", "--model", model, "--picture", scene, "--text", "there is a box with a red circle", "--out", _folder.Path("ask.png")]).Should().Contain("true");
        Bad(["ask", "--model", model, "--picture", Boxes("one.png", 1), "--text", "x", "--out", _folder.Path("ask.png")]).Should().ContainAll("--picture", "3 squares");
        Bad(["ask", "--model", _folder.Path("before"), "--picture", Boxes("one.png", 1), "--text", "x"]).Should().Contain("4 models");
    }

    [Fact]
    public void Boxes_in_the_manner_of_NLVR_are_drawn_for_pretraining_and_reasoning()
    {
        Good(["pretrain", .. Tiny, "--scenes", "boxes", "--boxes", "3", "--epochs", "1", "--out", _folder.Path("before")]);
        Good(["finetune", "reasoning", .. Tiny, "--scenes", "boxes", "--drawn-test", "32", "--epochs", "1", "--blind-epochs", "1", "--model", _folder.Path("before"), "--out", _folder.Path("after")]);

        Results("after").Single().GetProperty("majority").GetDouble().Should().Be(0.5);
        Bad(["finetune", "reasoning", .. Tiny, "--model", _folder.Path("before"), "--out", _folder.Path("other")]).Should().ContainAll("48 pixels", "have 32", "--scenes");
        Bad(["pretrain", .. Tiny, "--scenes", "boxes", "--picture-size", "32"]).Should().ContainAll("have 48", "--picture-size 32");
        Bad(["pretrain", "--scenes", "rooms"]).Should().ContainAll("--scenes", "places", "boxes");
    }

    [Fact]
    public void A_run_that_was_stopped_goes_on_as_if_it_never_had()
    {
        string[] Command(string folder) => ["pretrain", .. Tiny, "--structure", "bridge", "--out", _folder.Path(folder)];
        Good(Command("whole"));
        Run(5, Command("parts")).Code.Should().Be(130);
        Good(Command("parts")).Should().Contain("goes on after step 5");

        Weights("parts").Should().Equal(Weights("whole"));
        Good(Command("parts")).Should().Contain("1 of 1 runs are finished already");

        byte[] Weights(string folder) => File.ReadAllBytes(_folder.Path(folder, "models", "pretrain-infonce-bridge-s0", "model.safetensors"));
    }

    [Fact]
    public void Own_files_are_read_and_what_is_missing_is_named()
    {
        Boxes("a.png", 1);
        var lines = string.Concat(Enumerable.Range(0, 16).Select(i => $"a.png\twhat is it number {i}?\t{(i % 2 == 0 ? "light blue" : "red")}\n"));
        var train = Text("train.tsv", lines + "gone.png\twhat?\tred\n");
        var test = Text("test.tsv", "a.png\twhat is it?\tgreen\na.png\twhat is it?\tred\n");
        string[] files = ["--images", _folder.Root, "--train", train, "--test", test];

        Good(["finetune", "vqa", .. Small, .. files, "--out", _folder.Path("out")]).Should().Contain("gone.png: there is no such file");

        Results("out").Single().GetProperty("majority").GetDouble().Should().BeOneOf(0, 0.5);
        Bad(["finetune", "entailment", .. Small, .. files, "--out", _folder.Path("no")]).Should().ContainAll("light blue", "entailed");
        Bad(["finetune", "vqa", "--images", _folder.Root, "--train", train]).Should().Contain("belong together");
        Bad(["pretrain", "--captions", train]).Should().Contain("--images");
        Bad(["pretrain", "--images", _folder.Path("nowhere"), "--captions", train]).Should().Contain("no such folder");
        Bad(["pretrain", "--picture-size", "30"]).Should().Contain("multiple of 8");
        Bad(["pretrain", "--structure", "cyclip"]).Should().Contain("--structure");
        Bad(["finetune", "vqa", "--model", _folder.Path("nowhere")]).Should().Contain("no such folder");
        Bad([]).Should().Contain("pretrain");
    }

    private static string[] Small => ["--quick", "--width", "16", "--batch-size", "8", "--epochs", "1", "--blind-epochs", "1", "--parallel", "1"];

    private static (int Code, string Output, string Error) Run(int steps, string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        using var stop = new CancellationTokenSource();
        var code = FusionProgram.Run(arguments, TextWriter.Synchronized(output), error, Count, stop.Token);
        return (code, output.ToString(), error.ToString());

        void Count()
        {
            if (--steps == 0)
                stop.Cancel();
        }
    }

    private static string Good(string[] arguments)
    {
        var (code, output, error) = Run(int.MaxValue, arguments);
        code.Should().Be(0, error);
        return output;
    }

    private static string Bad(string[] arguments)
    {
        var (code, _, error) = Run(int.MaxValue, arguments);
        code.Should().Be(2);
        return error;
    }

    private JsonElement[] Results(string folder)
    {
        using var summary = JsonDocument.Parse(File.ReadAllText(_folder.Path(folder, "summary.json")));
        return [.. summary.RootElement.GetProperty("results").EnumerateArray().Select(result => result.Clone())];
    }

    private string Text(string name, string content)
    {
        File.WriteAllText(_folder.Path(name), content);
        return _folder.Path(name);
    }

    private string Boxes(string name, int boxes)
    {
        using var picture = new SKBitmap(Scene.Side * boxes, Scene.Side);
        picture.Erase(SKColors.CornflowerBlue);
        using var png = picture.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(_folder.Path(name), png.ToArray());
        return _folder.Path(name);
    }
}
