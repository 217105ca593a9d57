namespace Contrastive.Samples.ShapesClip;

/// <summary>The first training pairs to look at: pictures, what only they tell, and their captions.</summary>
internal static class ExamplesPicture
{
    private const int Count = 12;

    public static void Write(string path, ShapePairs pairs)
    {
        var shown = new List<SheetPicture>();
        try
        {
            for (var i = 0; i < Math.Min(Count, pairs.Scenes.Count); i++)
            {
                using var planes = pairs.Images[i].cpu();
                using var small = SquarePicture.FromPlanes(planes.bytes, Painter.Side);
                var scene = pairs.Scenes[i];
                shown.Add(new SheetPicture(
                    SquarePicture.Of(small, ContactSheet.Side),
                    $"{Attributes.Texture.Classes[scene.Texture][0]}, {Attributes.Rotation.Classes[scene.Rotation][0]}",
                    pairs.Captions[i]));
            }

            AtomicFile.Write(path, ContactSheet.Png([new SheetSection("Training pairs. In bold what the picture alone tells: texture and rotation", shown)]));
        }
        finally
        {
            foreach (var picture in shown)
                picture.Picture.Dispose();
        }
    }
}
