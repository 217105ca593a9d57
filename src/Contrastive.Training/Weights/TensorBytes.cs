using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>The elements of a tensor in row-major order, bit for bit, to and from a stream; in pieces, so of any size.</summary>
internal static class TensorBytes
{
    private const long PieceBytes = 1 << 24;

    private delegate void Piece(Span<byte> bytes);

    public static void Write(Tensor tensor, Stream stream)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        InPieces(Plain(tensor), bytes => stream.Write(bytes));
    }

    /// <returns>A tensor on the CPU that belongs to the caller alone, not to a dispose scope.</returns>
    /// <exception cref="EndOfStreamException">The stream is too short.</exception>
    public static Tensor Read(Stream stream, ScalarType dtype, IReadOnlyList<long> shape)
    {
        var tensor = empty([.. shape], dtype: dtype, device: CPU).DetachFromDisposeScope();
        try
        {
            InPieces(tensor, bytes => stream.ReadExactly(bytes));
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Whether every byte is 0 or 1: booleans of other bytes are undefined behaviour in libtorch.</summary>
    public static bool AreBooleans(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var are = true;
        InPieces(Plain(tensor), bytes => are &= !bytes.ContainsAnyExceptInRange((byte)0, (byte)1));
        return are;
    }

    /// <summary>With its elements in row-major order in the CPU's memory, as they read: a view can be negated on reading.</summary>
    private static Tensor Plain(Tensor tensor) => tensor.detach().resolve_neg().cpu().contiguous();

    private static void InPieces(Tensor contiguous, Piece act)
    {
        using var scope = NewDisposeScope();
        var flat = contiguous.view(-1);
        var (count, piece) = (flat.numel(), PieceBytes / contiguous.ElementSize);
        for (var at = 0L; at < count; at += piece)
        {
            using var part = flat.narrow(0, at, Math.Min(piece, count - at));
            act(part.bytes);
        }
    }
}
