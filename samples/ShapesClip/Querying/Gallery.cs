using Contrastive.Samples.ShapesClip.Data;
using Contrastive.Samples.ShapesClip.Data.Pictures;
using Contrastive.Samples.ShapesClip.Models;
using SkiaSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Querying;

/// <summary>The pictures that are searched.</summary>
internal sealed class Gallery : IDisposable
{
    private readonly IReadOnlyList<string?> _paths;

    private Gallery(Tensor images, IReadOnlyList<string> names, IReadOnlyList<IReadOnlyList<string>> captions, IReadOnlyList<string?> paths)
    {
        (Images, Names, Captions, _paths) = (images, names, captions, paths);
    }

    /// <summary>(G, 3, S, S) bytes.</summary>
    public Tensor Images { get; }

    public int Count => Names.Count;

    /// <summary>What each is called.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>What is known to be said of each.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Captions { get; }

    /// <summary>The folder that is asked for, or the model was trained on, or drawn shapes.</summary>
    public static Gallery For(QuerySettings settings, ModelDescription model, Device device, SampleConsole console)
    {
        if ((settings.ImageDir ?? model.ImageDir) is not { } folder)
            return Draw(settings.Drawn, settings.Seed, model.Picture.Side, device);
        if (settings.ImageDir is null && !Directory.Exists(folder))
            throw new UserError($"--image-dir: the model was trained on the pictures in {folder}, which is not there: name a folder to search");
        var captions = settings.ImageDir is null ? model.Captions : settings.Captions ?? Path.Combine(folder, CaptionsFile.StandardName);
        if (settings.Captions is null && !File.Exists(captions))
            captions = null;
        // Those trained on are those the captions file names; a folder may have more, last time's contact sheet among them.
        using var pictures = settings.ImageDir is null && captions is not null
            ? PictureCollection.OfCaptions(folder, captions, model.Picture.Side, device, console)
            : PictureCollection.OfFolder(folder, captions, model.Picture.Side, device, console);
        return new Gallery(
            pictures.Images.alias().DetachFromDisposeScope(),
            [.. pictures.Files.Select(file => file.Name)],
            [.. pictures.Files.Select(file => file.Captions)],
            [.. pictures.Files.Select(file => file.Path)]);
    }

    /// <summary>A picture to look at: from its file where it has one.</summary>
    public SKBitmap Show(int item, int side)
    {
        if (_paths[item] is { } path)
            return PictureFile.Read(path, side);
        using var pixels = Images[item].cpu();
        using var small = PictureFile.FromPlanes(pixels.bytes, (int)Images.shape[3]);
        return PictureFile.Square(small, side);
    }

    public void Dispose() => Images.Dispose();

    private static Gallery Draw(int count, int seed, int side, Device device)
    {
        if (side != Painter.Side)
            throw new UserError($"--image-dir is missing: the model takes pictures of {side} pixels a side, and shapes are drawn with {Painter.Side}");
        var random = new Random(seed);
        var pixels = new byte[count * Painter.Bytes];
        var captions = new IReadOnlyList<string>[count];
        for (var i = 0; i < count; i++)
        {
            var scene = Scene.Draw(
                (random.Next(Attributes.Shape.Count), random.Next(Attributes.Colour.Count), random.Next(Attributes.Size.Count), random.Next(Attributes.Place.Count)),
                random);
            Painter.Draw(scene, random, pixels.AsSpan(i * Painter.Bytes, Painter.Bytes));
            captions[i] = [CaptionWriter.Full(scene, random)];
        }

        using var scope = NewDisposeScope();
        return new Gallery(
            tensor(pixels, [count, 3, side, side]).to(device).MoveToOuterDisposeScope(),
            [.. Enumerable.Range(0, count).Select(i => $"drawn {i}")],
            captions,
            new string?[count]);
    }
}
