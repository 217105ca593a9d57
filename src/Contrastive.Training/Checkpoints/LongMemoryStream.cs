namespace Contrastive.Training;

/// <summary>Bytes in memory, in pieces, so that 2 GiB are no limit: written to the end, then read from the beginning.</summary>
internal sealed class LongMemoryStream : Stream
{
    private const int Smallest = 1 << 12;
    private const int Largest = 1 << 24;

    private readonly List<byte[]> _pieces = [];
    private int _lastUsed;
    private (int Piece, int At) _next;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public void Rewind() => _next = (0, 0);

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            if (_pieces.Count == 0 || _lastUsed == _pieces[^1].Length)
            {
                _pieces.Add(new byte[_pieces.Count == 0 ? Smallest : Math.Min(_lastUsed * 2, Largest)]);
                _lastUsed = 0;
            }

            var room = _pieces[^1].AsSpan(_lastUsed);
            var taken = Math.Min(room.Length, buffer.Length);
            buffer[..taken].CopyTo(room);
            buffer = buffer[taken..];
            _lastUsed += taken;
        }
    }

    public override int Read(Span<byte> buffer)
    {
        if (_next.Piece < _pieces.Count - 1 && _next.At == _pieces[_next.Piece].Length)
            _next = (_next.Piece + 1, 0);
        if (_next.Piece >= _pieces.Count)
            return 0;
        var used = _next.Piece == _pieces.Count - 1 ? _lastUsed : _pieces[_next.Piece].Length;
        var taken = Math.Min(used - _next.At, buffer.Length);
        _pieces[_next.Piece].AsSpan(_next.At, taken).CopyTo(buffer);
        _next.At += taken;
        return taken;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
