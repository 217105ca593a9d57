using Contrastive.Evaluation;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>How well a linear probe reads an attribute off some of the features, as accuracies on the test pairs.</summary>
/// <param name="Features">Whose: "image", "text" or "both"; "shared" where "both" has independent features too.</param>
/// <param name="Linear">Fitted on all validation pairs.</param>
/// <param name="FewShot">Fitted on a few labels of each class, the mean over draws.</param>
public sealed record AttributeProbe(string Attribute, ToldBy ToldBy, string Features, double Linear, double FewShot)
{
    private static readonly LinearProbeOptions Options = new() { Strengths = [0.01, 0.1, 1], Tolerance = 1e-3 };

    internal static IReadOnlyList<AttributeProbe> All(PairFeatures fit, ShapePairs fitPairs, PairFeatures test, ShapePairs testPairs, ShapesSettings settings, Func<Generator> random)
        => [.. from index in Enumerable.Range(0, Attributes.All.Count)
               from sets in Sets(fit).Zip(Sets(test))
               select Of(index, sets.First.Name, sets.First.Features, fitPairs, sets.Second.Features, testPairs, settings, random)];

    private static AttributeProbe Of(
        int index, string name, Tensor fit, ShapePairs fitPairs, Tensor test, ShapePairs testPairs, ShapesSettings settings, Func<Generator> random)
    {
        using var scope = NewDisposeScope();
        var kind = Attributes.All[index];
        var (fitRows, testRows) = (Rows(kind, fitPairs), Rows(kind, testPairs));
        var (x, y) = (fit.index_select(0, fitRows), fitPairs.Classes.select(1, index).index_select(0, fitRows));
        var (testX, testY) = (test.index_select(0, testRows), testPairs.Classes.select(1, index).index_select(0, testRows));
        using var full = random();
        using var few = random();
        return new AttributeProbe(
            kind.Name,
            kind.ToldBy,
            name,
            LinearProbe.Evaluate(x, y, testX, testY, Options, full).Accuracy,
            LinearProbe.FewShot(x, y, testX, testY, settings.Shots, settings.ProbeDraws, Options, few).Mean);
    }

    /// <summary>The pairs whose picture can tell: a turned circle is a circle.</summary>
    private static Tensor Rows(AttributeKind kind, ShapePairs pairs)
    {
        long[] rows = [.. Enumerable.Range(0, pairs.Scenes.Count)
            .Where(row => kind != Attributes.Rotation || Attributes.ShowsRotation(pairs.Scenes[row].Shape))
            .Select(row => (long)row)];
        return tensor(rows, device: pairs.Images.device);
    }

    /// <summary>Everything each tower knows of an item, both together, and the shared features alone where there are others.</summary>
    private static IEnumerable<(string Name, Tensor Features)> Sets(PairFeatures pairs)
    {
        var (image, text) = (pairs.Image, pairs.Text);
        yield return ("image", All(image));
        yield return ("text", All(text));
        yield return ("both", cat([All(image), All(text)], 1));
        if (image.Independent is not null)
        {
            yield return ("image shared", image.Shared);
            yield return ("text shared", text.Shared);
            yield return ("both shared", cat([image.Shared, text.Shared], 1));
        }

        static Tensor All(ModalityFeatures features) => features.Independent is null ? features.Shared : cat([features.Shared, features.Independent], 1);
    }
}
