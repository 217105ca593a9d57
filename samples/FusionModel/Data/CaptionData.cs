namespace Contrastive.Samples.FusionModel.Data;

/// <summary>Pictures with one or several captions each, to pretrain on.</summary>
internal sealed record CaptionData(int Side, IReadOnlyList<byte[]> Pictures, IReadOnlyList<IReadOnlyList<string>> Captions)
{
    public string Digest => TaskData.DigestOf(Pictures, Captions.SelectMany(texts => texts));

    /// <summary>Scenes of training, with and without a covered place, as the tasks have them; no test scene is among them.</summary>
    public static CaptionData Draw(int count, int seed)
    {
        var random = new Random(seed);
        Scene[] scenes = [.. Enumerable.Range(0, count).Select(i => Scene.Draw(random, 1, covers: i % 3 == 0, forTesting: false))];
        return new CaptionData(
            Scene.Side, [.. scenes.Select(scene => scene.Paint(random))], [.. scenes.Select(scene => (string[])[SentenceForm.Caption(scene, random), SentenceForm.Caption(scene, random)])]);
    }

    /// <exception cref="UserError">The file or the folder cannot be read, or nothing in them can be used.</exception>
    public static CaptionData Read(string folder, string captions, int side, SampleConsole console)
    {
        var files = new PictureFiles(folder, side, 1);
        var lines = files.Read("--captions", captions, 1, console);
        return new CaptionData(side, files.Pictures, [.. lines.GroupBy(line => line.Picture).OrderBy(group => group.Key).Select(group => (string[])[.. group.Select(line => line.Values[0])])]);
    }
}
