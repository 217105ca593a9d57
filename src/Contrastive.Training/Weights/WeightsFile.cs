using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>
/// Weights in the safetensors format (https://github.com/huggingface/safetensors), which PyTorch, JAX and others read: no
/// code in it, and every value back bit for bit, the payload of a NaN included.
/// </summary>
/// <remarks>
/// <para>Names are those of TorchSharp's <c>state_dict()</c>: the names that fields and children are registered by, joined
/// by dots, and numbers within a <c>Sequential</c> or a <c>ModuleList</c>, as in <c>tower.0.weight</c>. PyTorch's names, as long
/// as fields are called as they are there; where they are not (<c>_tower</c>), give a <c>rename</c>.</para>
/// <para>Files are written atomically, and equal tensors are equal files. Dtypes: float16, bfloat16, float32, float64, the signed
/// integers, uint8 and bool. A tensor may lie on any device and need not be contiguous. One that a module has under several names
/// is there under the first of them, as in TorchSharp's <c>state_dict()</c>.</para>
/// </remarks>
public static class WeightsFile
{
    /// <summary>PyTorch's readers look for it.</summary>
    private static readonly Dictionary<string, string> StandardMetadata = new() { ["format"] = "pt" };

    /// <summary>Writes tensors.</summary>
    /// <param name="path">The file, replaced if it exists.</param>
    /// <param name="tensors">By name; of any shape.</param>
    /// <param name="metadata">Text to keep beside them; <c>format: pt</c> is added unless it says otherwise.</param>
    /// <exception cref="ArgumentException">
    /// A name is empty or <c>__metadata__</c>, a name or a text has half a surrogate pair in it, a dtype has no place in the format,
    /// or names and metadata take more than its 100,000,000 bytes.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(
        string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        var all = new Dictionary<string, string>(StandardMetadata);
        foreach (var (name, value) in metadata ?? all)
            all[name] = value ?? throw new ArgumentException($"the value of '{name}' is null", nameof(metadata));
        var writer = new SafetensorsWriter(tensors, all, nameof(tensors));
        AtomicFile.Write(path, writer.Write);
    }

    /// <summary>Writes the parameters and persistent buffers of a module.</summary>
    /// <param name="path">The file, replaced if it exists.</param>
    /// <param name="module">On any device.</param>
    /// <param name="metadata">Text to keep beside them; <c>format: pt</c> is added unless it says otherwise.</param>
    /// <param name="rename">From a name in the module to the name in the file.</param>
    /// <exception cref="ArgumentException">Two tensors would get one name, or a dtype has no place in the format.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(
        string path, nn.Module module, IReadOnlyDictionary<string, string>? metadata = null, Func<string, string>? rename = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        Save(path, ModuleTensors.Of(module, rename), metadata);
    }

    /// <summary>Reads every tensor.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where the tensors are wanted; the CPU by default.</param>
    /// <returns>By name; they belong to the caller, or to the surrounding dispose scope if there is one.</returns>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not a safetensors file, or a damaged one.</exception>
    public static Dictionary<string, Tensor> Load(string path, Device? device = null)
        => Read(path, reader =>
        {
            var read = reader.ReadAll();
            try
            {
                // New handles, which the surrounding dispose scope knows.
                return read.ToDictionary(named => named.Key, named => device is null ? named.Value.alias() : named.Value.to(device, copy: true));
            }
            finally
            {
                foreach (var tensor in read.Values)
                    tensor.Dispose();
            }
        });

    /// <summary>Reads a file into a module: all of it, or nothing if it does not fit.</summary>
    /// <param name="path">The file.</param>
    /// <param name="module">On any device. Its dtypes must be the file's: convert the module first.</param>
    /// <param name="strict">Whether file and module must have the same names; otherwise those they share are read.</param>
    /// <param name="rename">From a name in the module to the name in the file.</param>
    /// <returns>The names that were not read.</returns>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">
    /// It is damaged or does not fit: names are missing or left over, or a shape or dtype differs. The module is unchanged.
    /// </exception>
    public static UnreadNames LoadInto(string path, nn.Module module, bool strict = true, Func<string, string>? rename = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        var tensors = ModuleTensors.Of(module, rename);
        return Read(path, reader =>
        {
            ModuleTensors.Check(reader.Header, tensors, strict);
            var read = reader.ReadAll();
            try
            {
                ModuleTensors.Copy(read, tensors);
            }
            finally
            {
                foreach (var tensor in read.Values)
                    tensor.Dispose();
            }

            return new UnreadNames([.. tensors.Keys.Except(read.Keys)], [.. read.Keys.Except(tensors.Keys)]);
        });
    }

    /// <summary>Reads what a file holds, but not the values.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not a safetensors file, or a damaged one.</exception>
    public static WeightsHeader ReadHeader(string path) => Read(path, reader => reader.Header);

    private static T Read<T>(string path, Func<SafetensorsReader, T> read)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return read(SafetensorsReader.Open(stream, stream.Length));
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FileNotFoundException($"{path}: no such file", path, problem);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{path}: cannot be read: {problem.Message}", problem);
        }
        catch (InvalidDataException problem)
        {
            throw new InvalidDataException($"{path}: {problem.Message}", problem);
        }
    }
}

/// <summary>What a safetensors file says of a tensor.</summary>
/// <param name="Dtype">The dtype.</param>
/// <param name="Shape">The shape; empty for a scalar.</param>
public sealed record WeightsEntry(ScalarType Dtype, IReadOnlyList<long> Shape)
{
    internal string Description => $"{Dtype} ({string.Join(", ", Shape)})";
}

/// <summary>What a safetensors file holds.</summary>
/// <param name="Tensors">Every tensor, by name, in the order of the data.</param>
/// <param name="Metadata">What was written beside them; empty if there is none.</param>
public sealed record WeightsHeader(
    IReadOnlyDictionary<string, WeightsEntry> Tensors, IReadOnlyDictionary<string, string> Metadata);

/// <summary>What was not read when a file went into a module; both are empty after strict loading.</summary>
/// <param name="Missing">In the module, not in the file.</param>
/// <param name="Unexpected">In the file, not in the module.</param>
public sealed record UnreadNames(IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected);
