namespace Contrastive;

/// <summary>A state that was read and waits for all others.</summary>
internal abstract class StagedPart : IDisposable
{
    /// <summary>Whether <see cref="Commit"/> can fail; such parts go first, and are rolled back if one fails.</summary>
    public abstract bool CanFail { get; }

    public abstract void Commit();

    /// <summary>Undoes a commit, a half-done one too.</summary>
    public virtual void RollBack()
    {
    }

    public virtual void Dispose()
    {
    }
}

/// <summary>A state of bytes that the object itself takes in, and may refuse: what it had before is kept.</summary>
internal sealed class StagedBytes(byte[] saved, Func<byte[]> save, Action<byte[]> load) : StagedPart
{
    private readonly byte[] _before = save();

    public override bool CanFail => true;

    public override void Commit() => load(saved);

    public override void RollBack() => load(_before);

    public static byte[] Read(Stream stream)
    {
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
