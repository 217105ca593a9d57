namespace Contrastive.Samples.FusionModel.Data;

/// <summary>Pictures with one or several captions each, to pretrain on.</summary>
internal sealed record CaptionData(int Side, IReadOnlyList<byte[]> Pictures, IReadOnlyList<IReadOnlyList<string>> Captions)
{
    // So many a caption can tell of.
    private const int MostItems = 4;

    public string Digest => TaskData.DigestOf(Pictures, Captions.SelectMany(texts => texts));

    /// <summary>Scenes of training as the tasks have them, of places with and without a covered one, of boxes with items or a tower; no test scene is among them.</summary>
    public static CaptionData Draw(int count, int seed, DrawnScenes scenes = DrawnScenes.Places)
    {
        var random = new Random(seed);
        return scenes == DrawnScenes.Boxes
            ? Draw(BoxScene.Side, count, random, i => BoxScene.Draw(random, 1, IsTower(i), forTesting: false, MostItems), (scene, i) => [BoxSentences.Inventory(scene, IsTower(i), random), BoxSentences.Caption(scene, IsTower(i), random)])
            : Draw(Scene.Side, count, random, i => Scene.Draw(random, 1, covers: i % 3 == 0, forTesting: false), (scene, _) => [PlaceSentences.Caption(scene, random), PlaceSentences.Caption(scene, random)]);

        static bool IsTower(int number) => number % 2 == 0;
    }

    private static CaptionData Draw<TScene>(int side, int count, Random random, Func<int, TScene> scene, Func<TScene, int, string[]> captions)
        where TScene : IScene
    {
        TScene[] scenes = [.. Enumerable.Range(0, count).Select(scene)];
        return new CaptionData(side, [.. scenes.Select(one => one.Paint(random))], [.. scenes.Select(captions)]);
    }

    /// <exception cref="UserError">The file or the folder cannot be read, or nothing in them can be used.</exception>
    public static CaptionData Read(string folder, string captions, int side, SampleConsole console)
    {
        var files = new PictureFiles(folder, side, 1);
        var lines = files.Read("--captions", captions, 1, console);
        return new CaptionData(side, files.Pictures, [.. lines.GroupBy(line => line.Picture).OrderBy(group => group.Key).Select(group => (string[])[.. group.Select(line => line.Values[0])])]);
    }
}
