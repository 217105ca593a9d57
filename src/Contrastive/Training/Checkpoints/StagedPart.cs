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
internal sealed class StagedBytes : StagedPart
{
    private readonly LongMemoryStream _before = new();
    private readonly LongMemoryStream _saved = new();
    private readonly Action<Stream> _load;

    public StagedBytes(Stream saved, Action<Stream> save, Action<Stream> load)
    {
        saved.CopyTo(_saved);
        save(_before);
        _load = load;
    }

    public override bool CanFail => true;

    public override void Commit() => Load(_saved);

    public override void RollBack() => Load(_before);

    private void Load(LongMemoryStream state)
    {
        state.Rewind();
        _load(state);
    }
}
