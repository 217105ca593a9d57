using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;

namespace Contrastive.Samples;

/// <summary>
/// A training run in one file: a zip of a JSON header and one entry for each part, with a manifest of their layouts and
/// SHA-256 sums. It is written atomically; it is read and checked whole before anything is restored from it, so a damaged
/// file leaves the objects as they were.
/// </summary>
public sealed class CheckpointFile
{
    private const string ManifestEntry = "manifest.json";
    private const string HeaderEntry = "header.json";
    private const string Format = "contrastive-samples-checkpoint-1";

    private readonly string _path;
    private readonly Dictionary<string, (string Layout, byte[] Bytes)> _entries;

    private CheckpointFile(string path, Dictionary<string, (string Layout, byte[] Bytes)> entries)
    {
        _path = path;
        _entries = entries;
    }

    private sealed record Manifest(string Format, IReadOnlyList<Entry> Entries);

    private sealed record Entry(string Name, string Layout, string Sha256);

    /// <param name="path">The file, replaced if it exists.</param>
    /// <param name="header">What the parts do not say: settings, finished results, the epoch. Any JSON-serialisable value.</param>
    /// <param name="parts">The objects whose state is saved.</param>
    public static void Save<THeader>(string path, THeader header, CheckpointParts parts)
    {
        var contents = new List<(string Name, string Layout, byte[] Bytes)>
        {
            (HeaderEntry, "header", JsonSerializer.SerializeToUtf8Bytes(header, SampleJson.Exact)),
        };
        foreach (var (name, part) in parts.All)
            contents.Add((name, part.Layout, part.Save()));
        var manifest = new Manifest(Format, [.. contents.Select(c => new Entry(c.Name, c.Layout, Sum(c.Bytes)))]);
        AtomicFile.Write(path, stream =>
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            WriteEntry(zip, ManifestEntry, JsonSerializer.SerializeToUtf8Bytes(manifest, SampleJson.Exact));
            foreach (var (name, _, bytes) in contents)
                WriteEntry(zip, name, bytes);
        });
    }

    /// <exception cref="UserError">The file is missing, truncated, damaged or not a checkpoint.</exception>
    public static CheckpointFile Open(string path)
    {
        try
        {
            using var zip = new ZipArchive(new MemoryStream(File.ReadAllBytes(path)), ZipArchiveMode.Read);
            var manifest = JsonSerializer.Deserialize<Manifest>(ReadEntry(zip, ManifestEntry), SampleJson.Exact);
            if (manifest?.Format != Format)
                throw new InvalidDataException($"its format is '{manifest?.Format}', not '{Format}'");
            var entries = new Dictionary<string, (string, byte[])>();
            foreach (var entry in manifest.Entries)
            {
                var bytes = ReadEntry(zip, entry.Name);
                if (Sum(bytes) != entry.Sha256)
                    throw new InvalidDataException($"the checksum of its entry '{entry.Name}' does not match");
                entries.Add(entry.Name, (entry.Layout, bytes));
            }

            return new CheckpointFile(path, entries);
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserError($"{path}: no such checkpoint", problem);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot read the checkpoint: {problem.Message}", problem);
        }
        catch (Exception problem) when (problem is InvalidDataException or JsonException or ArgumentException)
        {
            throw new UserError($"{path}: not a checkpoint, or a damaged one: {problem.Message}", problem);
        }
    }

    /// <exception cref="UserError">The header is not one of this program.</exception>
    public THeader Header<THeader>()
    {
        try
        {
            return JsonSerializer.Deserialize<THeader>(_entries[HeaderEntry].Bytes, SampleJson.Exact)
                ?? throw new JsonException("the header is null");
        }
        catch (Exception problem) when (problem is JsonException or KeyNotFoundException)
        {
            throw new UserError($"{_path}: the checkpoint is of another program or version: {problem.Message}", problem);
        }
    }

    /// <summary>Puts the saved state into <paramref name="parts"/>: all of them, or none.</summary>
    /// <exception cref="UserError">A part is missing, left over, or of another layout.</exception>
    public void Restore(CheckpointParts parts)
    {
        foreach (var (name, part) in parts.All)
        {
            if (!_entries.TryGetValue(name, out var entry))
                throw new UserError($"{_path}: the checkpoint has no '{name}'");
            if (entry.Layout != part.Layout)
                throw new UserError($"{_path}: '{name}' in the checkpoint is [{entry.Layout}] but here it is [{part.Layout}]");
        }

        if (_entries.Keys.FirstOrDefault(name => name != HeaderEntry && !parts.All.ContainsKey(name)) is { } extra)
            throw new UserError($"{_path}: the checkpoint has a '{extra}' that does not belong here");

        var before = parts.All.ToDictionary(part => part.Key, part => part.Value.Save());
        try
        {
            foreach (var (name, part) in parts.All)
                part.Load(_entries[name].Bytes);
        }
        catch (Exception problem)
        {
            foreach (var (name, part) in parts.All)
                part.Load(before[name]);
            throw new UserError($"{_path}: the checkpoint cannot be restored: {problem.Message}", problem);
        }
    }

    private static void WriteEntry(ZipArchive zip, string name, byte[] bytes)
    {
        // Weights do not compress; the fixed time makes equal states equal files.
        var entry = zip.CreateEntry(name, CompressionLevel.NoCompression);
        entry.LastWriteTime = new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using var stream = entry.Open();
        stream.Write(bytes);
    }

    private static byte[] ReadEntry(ZipArchive zip, string name)
    {
        var entry = zip.GetEntry(name) ?? throw new InvalidDataException($"it has no entry '{name}'");
        using var stream = entry.Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static string Sum(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
