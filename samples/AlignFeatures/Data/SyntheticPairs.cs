using static TorchSharp.torch;

namespace Contrastive.Samples.AlignFeatures;

/// <summary>
/// A paired data set made up for runs without files. Each item has a shared latent, drawn around the centre of its class,
/// and a private latent for each modality; each view is a random two-layer tanh network of the two, plus noise. So only
/// part of a view can be told from the other one, as with real modalities.
/// </summary>
public static class SyntheticPairs
{
    private const int Classes = 10;
    private const int Shared = 8;
    private const int Private = 4;
    private const int LeftFeatures = 32;
    private const int RightFeatures = 48;
    private const double WithinClass = 0.7;
    private const double Noise = 0.15;

    public static PairedData Generate(int items, long seed)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var random = new Generator((ulong)seed);

        // Sorted by class, as real files often are: what reads them must shuffle.
        var ids = Enumerable.Range(0, items).Select(i => (long)i * Classes / items).ToArray();
        var centres = randn([Classes, Shared], generator: random);
        var shared = centres.index_select(0, tensor(ids)).Plus(randn([items, Shared], generator: random).Times(WithinClass));
        var left = View("synthetic left", shared, LeftFeatures, random);
        var right = View("synthetic right", shared, RightFeatures, random);
        return new PairedData(left, right, new ClassLabels("synthetic labels", ids, Classes));
    }

    private static FeatureMatrix View(string name, Tensor shared, int features, Generator random)
    {
        const int hidden = 64;
        var items = shared.shape[0];
        var latent = cat([shared, randn([items, Private], generator: random)], dim: 1);
        var first = randn([Shared + Private, hidden], generator: random).Times(1 / Math.Sqrt(Shared + Private));
        var second = randn([hidden, features], generator: random).Times(1 / Math.Sqrt(hidden));
        var view = latent.mm(first).tanh().mm(second).Plus(randn([items, features], generator: random).Times(Noise));
        return new FeatureMatrix(name, (int)items, features, [.. view.data<float>()]);
    }
}
