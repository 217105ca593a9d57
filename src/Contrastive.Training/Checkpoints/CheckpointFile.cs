using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Contrastive.Training;

/// <summary>
/// A training run in one file: a zip of a JSON header and one entry for each part, with a manifest of their layouts and
/// SHA-256 sums. It is written atomically, and read and checked whole before any object changes: all of them are restored,
/// or none.
/// </summary>
/// <remarks>
/// <para>Modules are kept as safetensors (<see cref="WeightsFile"/>), so other programs can read them; equal states are equal
/// files. While restoring, the content of the file is in memory once, beside the objects, and the state that TorchSharp's own
/// optimisers had before. Parts can be of any size.</para>
/// <para>A run resumes exactly, to the last bit, if the parts are all of its state that changes: modules, the loss where it has
/// state, the optimiser, every generator, and the place in the epoch (<see cref="ShuffledBatches"/>).</para>
/// </remarks>
/// <example>
/// <code>
/// var parts = new CheckpointParts().Module("encoder", encoder).Module("optimizer", optimizer).Generator("random", random);
/// CheckpointFile.Save("run.ckpt", new Header(Epoch: 3), parts);
/// …
/// var file = CheckpointFile.Open("run.ckpt");
/// var epoch = file.Header&lt;Header&gt;().Epoch;
/// file.Restore(parts);
/// </code>
/// </example>
public sealed class CheckpointFile
{
    private const string ManifestEntry = "manifest.json";
    private const string HeaderEntry = "header.json";
    private const string HeaderLayout = "header";
    private const string PartFolder = "parts/";
    private const string Format = "contrastive-checkpoint-2";
    private const string LayoutSeparator = "; ";
    private const int DifferencesShown = 5;
    private const string Unnamed = "contrastive-checkpoint-1";

    /// <summary>Every double exactly as it was, NaN included; enumerations by name; fields too, as tuples have; nothing left out is made up.</summary>
    private static readonly JsonSerializerOptions Exact = new()
    {
        IncludeFields = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false,
        Converters = { new JsonStringEnumConverter() },
    };

    private readonly string _path;
    private readonly byte[] _manifestBytes;
    private readonly Dictionary<string, Entry> _entries;
    private readonly byte[] _header;

    private CheckpointFile(string path, byte[] manifestBytes, Dictionary<string, Entry> entries, byte[] header)
    {
        _path = path;
        _manifestBytes = manifestBytes;
        _entries = entries;
        _header = header;
    }

    /// <summary>What every version's manifest has.</summary>
    private sealed record Version(string? Format = null);

    private sealed record Manifest(string Format, IReadOnlyList<Entry> Entries);

    private sealed record Entry(string Name, string Layout, string Sha256);

    /// <summary>Writes a checkpoint.</summary>
    /// <param name="path">The file, replaced if it exists.</param>
    /// <param name="header">What the parts do not say: settings, finished results. Any value that JSON can hold, but null.</param>
    /// <param name="parts">The objects whose state is saved.</param>
    /// <exception cref="ArgumentException">
    /// Something could not be read again: names with half of a surrogate pair, an optimiser whose parameters are in no module of
    /// <paramref name="parts"/>, a header that is null, or whose values JSON does not give back (properties without a setter). The message says
    /// what; an older file is as it was.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written; an older one is as it was.</exception>
    public static void Save<THeader>(string path, THeader header, CheckpointParts parts)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(parts);
        if (header is null)
            throw new ArgumentNullException(nameof(header));
        var headerBytes = HeaderBytes(header);
        var writers = parts.All.Select(part => (Name: PartFolder + part.Key, part.Value.Layout, Write: part.Value.Writer())).ToArray();
        AtomicFile.Write(path, stream =>
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            List<Entry> entries = [Write(zip, HeaderEntry, HeaderLayout, content => content.Write(headerBytes))];
            foreach (var (name, layout, write) in writers)
                entries.Add(Write(zip, name, layout, write));
            var manifest = JsonSerializer.SerializeToUtf8Bytes(new Manifest(Format, entries), Exact);
            Write(zip, ManifestEntry, "", content => content.Write(manifest));
        });
    }

    /// <summary>The header as it is written, after it was read back: what JSON leaves out in silence would be missed after a resume only.</summary>
    private static byte[] HeaderBytes<THeader>(THeader header)
    {
        var written = JsonSerializer.SerializeToUtf8Bytes(header, Exact);
        // Of an interface: whoever reads it names a type.
        if (typeof(THeader).IsAbstract)
            return written;
        string? problem;
        try
        {
            var again = JsonSerializer.SerializeToUtf8Bytes(JsonSerializer.Deserialize<THeader>(written, Exact), Exact);
            var same = again.AsSpan().CommonPrefixLength(written);
            problem = same == written.Length && same == again.Length ? null : $"what is written as {From(written, same)} is read as {From(again, same)}";
        }
        catch (Exception refused) when (refused is JsonException or NotSupportedException or InvalidOperationException)
        {
            problem = refused.Message;
        }

        return problem is null
            ? written
            : throw new ArgumentException($"a header of the type {typeof(THeader).Name} could not be read again: {problem}", nameof(header));

        // Some characters before the first difference and behind it.
        static string From(byte[] json, int same)
            => Encoding.UTF8.GetString(json.AsSpan(Math.Max(0, same - 40)..Math.Min(json.Length, same + 40)));
    }

    /// <summary>Opens a checkpoint and reads its header; the parts are read when they are restored.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is truncated, damaged or not a checkpoint.</exception>
    public static CheckpointFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Read(path, zip =>
        {
            var manifestBytes = Content(zip, ManifestEntry);
            var entries = ReadManifest(manifestBytes);
            if (zip.Entries.FirstOrDefault(entry => entry.FullName != ManifestEntry && !entries.ContainsKey(entry.FullName)) is { } unknown)
                throw new InvalidDataException($"it has an entry '{unknown.FullName}' that its manifest has not");
            if (!entries.Remove(HeaderEntry, out var headerEntry))
                throw new InvalidDataException("it has no header");
            var header = Content(zip, HeaderEntry);
            CheckSum(headerEntry, SHA256.HashData(header));
            return new CheckpointFile(path, manifestBytes, entries, header);
        });
    }

    /// <summary>The header it was saved with.</summary>
    /// <exception cref="InvalidDataException">The header is of another type.</exception>
    public THeader Header<THeader>()
    {
        try
        {
            return JsonSerializer.Deserialize<THeader>(_header, Exact) ?? throw new JsonException("the header is null");
        }
        catch (JsonException problem)
        {
            throw new InvalidDataException($"{_path}: the checkpoint is of another program or version: {problem.Message}", problem);
        }
    }

    /// <summary>Puts the saved state into <paramref name="parts"/>: all of them, or none.</summary>
    /// <param name="parts">Objects of the same layouts as the saved ones, under the same names.</param>
    /// <exception cref="IOException">The file cannot be read any more.</exception>
    /// <exception cref="InvalidDataException">
    /// A part is missing, left over or of another layout, or the file is damaged or was replaced since it was opened.
    /// </exception>
    public void Restore(CheckpointParts parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        CheckLayouts(parts);
        Read(_path, zip =>
        {
            if (!Content(zip, ManifestEntry).AsSpan().SequenceEqual(_manifestBytes))
                throw new InvalidDataException("the file was replaced since it was opened");
            var staged = new List<StagedPart>();
            try
            {
                foreach (var (name, part) in parts.All)
                    staged.Add(Stage(zip, _entries[PartFolder + name], part));
                Commit(staged);
            }
            finally
            {
                foreach (var part in staged)
                    part.Dispose();
            }

            return 0;
        });
    }

    /// <summary>As they were written. A compressed entry might unpack to more than there is memory for.</summary>
    private static void CheckStored(ZipArchive zip)
    {
        var names = new HashSet<string>();
        foreach (var entry in zip.Entries)
        {
            if (entry.Length != entry.CompressedLength || entry.IsEncrypted)
                throw new InvalidDataException(
                    $"its entry '{entry.FullName}' of {entry.Length} bytes takes {entry.CompressedLength}, but checkpoints are neither compressed nor encrypted");
            if (!names.Add(entry.FullName))
                throw new InvalidDataException($"it has an entry '{entry.FullName}' twice");
        }
    }

    private static Dictionary<string, Entry> ReadManifest(byte[] manifestBytes)
    {
        if (JsonSerializer.Deserialize<Version>(manifestBytes, Exact)?.Format is var format && format != Format)
            throw new InvalidDataException(
                $"its format is '{format}', not '{Format}'{(format == Unnamed ? ": it is of an older version, whose optimisers have no names for their state" : "")}");
        var entries = new Dictionary<string, Entry>();
        foreach (var entry in JsonSerializer.Deserialize<Manifest>(manifestBytes, Exact)!.Entries)
        {
            if (entry is null || (entry.Name != HeaderEntry && !entry.Name.StartsWith(PartFolder, StringComparison.Ordinal)))
                throw new InvalidDataException($"its manifest has '{entry?.Name}', which is neither '{HeaderEntry}' nor in '{PartFolder}'");
            if (!entries.TryAdd(entry.Name, entry))
                throw new InvalidDataException($"its manifest has '{entry.Name}' twice");
        }

        return entries;
    }

    private void CheckLayouts(CheckpointParts parts)
    {
        foreach (var (name, part) in parts.All)
        {
            if (!_entries.TryGetValue(PartFolder + name, out var entry))
                throw new InvalidDataException($"{_path}: the checkpoint has no '{name}'");
            if (entry.Layout != part.Layout)
            {
                var (saved, here) = Difference(entry.Layout, part.Layout);
                throw new InvalidDataException($"{_path}: '{name}' in the checkpoint is [{saved}] but here it is [{here}]");
            }
        }

        var names = parts.All.Keys.Select(name => PartFolder + name).ToHashSet();
        if (_entries.Keys.FirstOrDefault(name => !names.Contains(name)) is { } extra)
            throw new InvalidDataException($"{_path}: the checkpoint has a '{extra[PartFolder.Length..]}' that does not belong here");
    }

    /// <summary>Two layouts without what they begin and end with both.</summary>
    private static (string Left, string Right) Difference(string left, string right)
    {
        string[] lefts = left.Split(LayoutSeparator), rights = right.Split(LayoutSeparator);
        var shorter = Math.Min(lefts.Length, rights.Length);
        var same = 0;
        while (same < shorter && lefts[same] == rights[same])
            same++;
        var end = 0;
        while (end < shorter - same && lefts[^(end + 1)] == rights[^(end + 1)])
            end++;
        return (Middle(lefts), Middle(rights));

        string Middle(string[] items)
        {
            var middle = items[same..^end];
            var shown = string.Join(LayoutSeparator, middle.Take(DifferencesShown));
            return $"{(same > 0 ? "… " : "")}{shown}{(end > 0 || middle.Length > DifferencesShown ? " …" : "")}";
        }
    }

    private static void Commit(List<StagedPart> staged)
    {
        var begun = new List<StagedPart>();
        try
        {
            foreach (var part in staged.OrderByDescending(part => part.CanFail))
            {
                begun.Add(part);
                part.Commit();
            }
        }
        catch (Exception problem)
        {
            foreach (var part in begun)
                part.RollBack();
            throw new InvalidDataException($"it cannot be restored: {problem.Message}", problem);
        }
    }

    private static StagedPart Stage(ZipArchive zip, Entry entry, CheckpointPart part)
    {
        var zipped = zip.GetEntry(entry.Name) ?? throw new InvalidDataException($"it has no entry '{entry.Name}'");
        using var sum = SHA256.Create();
        using var content = new CryptoStream(zipped.Open(), sum, CryptoStreamMode.Read);
        var staged = part.Stage(content, zipped.Length);
        try
        {
            content.CopyTo(Stream.Null);
            CheckSum(entry, sum.Hash!);
            return staged;
        }
        catch
        {
            staged.Dispose();
            throw;
        }
    }

    private static void CheckSum(Entry entry, byte[] sum)
    {
        if (Convert.ToHexStringLower(sum) != entry.Sha256)
            throw new InvalidDataException($"the checksum of its entry '{entry.Name}' does not match");
    }

    private static Entry Write(ZipArchive zip, string name, string layout, Action<Stream> write)
    {
        // Weights do not compress; the fixed time makes equal states equal files.
        var entry = zip.CreateEntry(name, CompressionLevel.NoCompression);
        entry.LastWriteTime = new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using var sum = SHA256.Create();
        using (var content = new CryptoStream(entry.Open(), sum, CryptoStreamMode.Write))
            write(content);
        return new Entry(name, layout, Convert.ToHexStringLower(sum.Hash!));
    }

    private static byte[] Content(ZipArchive zip, string name)
    {
        var entry = zip.GetEntry(name) ?? throw new InvalidDataException($"it has no entry '{name}'");
        if (entry.Length > Array.MaxLength)
            throw new InvalidDataException($"its entry '{name}' has {entry.Length} bytes, more than the {Array.MaxLength} that are allowed");
        using var stream = entry.Open();
        var content = new byte[entry.Length];
        stream.ReadExactly(content);
        return content;
    }

    private static T Read<T>(string path, Func<ZipArchive, T> read)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
            CheckStored(zip);
            return read(zip);
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FileNotFoundException($"{path}: no such checkpoint", path, problem);
        }
        // A zip's damaged book-keeping shows as many things, the end of the stream among them.
        catch (Exception problem) when (problem is InvalidDataException or JsonException or ArgumentException or EndOfStreamException or NotSupportedException)
        {
            throw new InvalidDataException($"{path}: no usable checkpoint: {problem.Message}", problem);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{path}: cannot read the checkpoint: {problem.Message}", problem);
        }
    }
}
