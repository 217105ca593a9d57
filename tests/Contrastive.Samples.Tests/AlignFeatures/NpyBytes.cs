using System.Runtime.InteropServices;
using System.Text;

namespace Contrastive.Samples.Tests.AlignFeatures;

/// <summary>Makes the bytes of <c>.npy</c> files, good ones and others.</summary>
internal static class NpyBytes
{
    public static byte[] Of<T>(string descr, string shape, T[] values, byte version = 1, bool columnMajor = false)
        where T : unmanaged
        => WithHeader($"{{'descr': '{descr}', 'fortran_order': {columnMajor}, 'shape': {shape}, }}", MemoryMarshal.AsBytes(values.AsSpan()).ToArray(), version);

    public static byte[] Features(int rows, int columns, Func<int, int, float> value)
        => Of("<f4", $"({rows}, {columns})", [.. from r in Enumerable.Range(0, rows) from c in Enumerable.Range(0, columns) select value(r, c)]);

    public static byte[] WithHeader(string dictionary, byte[] data, byte version = 1)
    {
        var lengthBytes = version == 1 ? 2 : 4;
        var start = 8 + lengthBytes;
        var header = Encoding.UTF8.GetBytes(dictionary.PadRight((start + dictionary.Length + 64) / 64 * 64 - start - 1) + "\n");
        return [0x93, .. "NUMPY"u8, version, 0, .. BitConverter.GetBytes(header.Length).Take(lengthBytes), .. header, .. data];
    }
}
