using static TorchSharp.torch;

namespace Contrastive;

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
