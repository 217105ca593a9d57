using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>One object of a checkpoint: what it looks like, how it is written, and how it is read in two stages.</summary>
internal abstract class CheckpointPart
{
    /// <summary>Kind, names, dtypes and shapes. A saved part is only read into an object of the same layout.</summary>
    public abstract string Layout { get; }

    /// <summary>Checks all that reading will demand, before anything is written.</summary>
    /// <returns>Writes the state.</returns>
    /// <exception cref="ArgumentException">What would be written could not be read.</exception>
    public abstract Action<Stream> Writer();

    /// <summary>Reads a saved state of the same layout; the object stays as it is.</summary>
    public abstract StagedPart Stage(Stream stream, long length);

    protected static string Describe(Tensor tensor) => $"{tensor.dtype}({string.Join(',', tensor.shape)})";
}

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
