using System.Buffers.Binary;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>A random generator.</summary>
internal sealed class GeneratorPart(Generator generator) : CheckpointPart
{
    public override string Layout => $"generator: {generator.device.type}";

    public override Action<Stream> Writer() => stream =>
    {
        using var state = generator.get_state();
        TensorBytes.Write(state, stream);
    };

    public override StagedPart Stage(Stream stream, long length)
    {
        using var now = generator.get_state();
        if (length != now.numel())
            throw new InvalidDataException($"the state of a generator has {now.numel()} bytes here but {length} in the checkpoint");
        var saved = TensorBytes.Read(stream, ScalarType.Byte, now.shape);
        if (IsValid(saved.bytes))
            return new Staged(generator, saved);
        saved.Dispose();
        throw new InvalidDataException("the state of a generator is none that a generator can have");
    }

    /// <summary>Libtorch ends the process where it is not.</summary>
    private bool IsValid(ReadOnlySpan<byte> state) => generator.device.type switch
    {
        DeviceType.CPU => IsTwister(state),
        // A seed, and an offset that counts draws of four.
        DeviceType.CUDA => state.Length < 16 || BinaryPrimitives.ReadUInt64LittleEndian(state[8..]) % 4 == 0,
        _ => true,
    };

    /// <summary>
    /// A Mersenne twister of 624 words: seed, how many words are left (an int), whether it is seeded (an int), the place of the next
    /// one (64 bits), the words (64 bits each), and the normal numbers that are kept, the last with a flag whether it is.
    /// </summary>
    private static bool IsTwister(ReadOnlySpan<byte> state)
    {
        const int words = 624;
        const int size = 5056;
        return state.Length == size
            && BinaryPrimitives.ReadInt32LittleEndian(state[8..]) is > 0 and <= words
            && BinaryPrimitives.ReadInt32LittleEndian(state[12..]) == 1
            && BinaryPrimitives.ReadUInt64LittleEndian(state[16..]) <= words
            && state[size - 4] <= 1;
    }

    private sealed class Staged(Generator generator, Tensor saved) : StagedPart
    {
        public override bool CanFail => false;

        public override void Commit() => generator.set_state(saved);

        public override void Dispose()
        {
            base.Dispose();
            saved.Dispose();
        }
    }
}
