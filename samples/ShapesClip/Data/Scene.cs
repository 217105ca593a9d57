namespace Contrastive.Samples.ShapesClip.Data;

/// <summary>The classes of one pair's attributes, each an index into <see cref="Attributes"/>.</summary>
public readonly record struct Scene(int Shape, int Colour, int Size, int Place, int Texture, int Rotation, int Mood, int Price)
{
    public (int Shape, int Colour) Combination => (Shape, Colour);

    /// <summary>What both modalities tell.</summary>
    public (int Shape, int Colour, int Size, int Place) Shared => (Shape, Colour, Size, Place);

    /// <summary>The classes in the order of <see cref="Attributes.All"/>.</summary>
    public long[] Classes => [Shape, Colour, Size, Place, Texture, Rotation, Mood, Price];

    public static Scene Draw((int Shape, int Colour, int Size, int Place) shared, Random random) => new(
        shared.Shape,
        shared.Colour,
        shared.Size,
        shared.Place,
        random.Next(Attributes.Texture.Count),
        random.Next(Attributes.Rotation.Count),
        random.Next(Attributes.Mood.Count),
        random.Next(Attributes.Price.Count));
}
