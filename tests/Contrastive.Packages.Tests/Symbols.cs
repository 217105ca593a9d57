using System.Reflection.Metadata;
using System.Text;
using System.Text.Json;

namespace Contrastive.Packages.Tests;

/// <summary>What a debugger reads in a portable pdb to find the sources.</summary>
internal sealed class Symbols : IDisposable
{
    private static readonly Guid SourceLinkKind = new("CC110556-A091-4D38-9FEC-25AB9A351A6A");
    private static readonly Guid EmbeddedSourceKind = new("0E8A571B-6926-466E-B4AD-8AB04611F5FE");

    private readonly MetadataReaderProvider _provider;
    private readonly MetadataReader _reader;

    public Symbols(byte[] pdb)
    {
        _provider = MetadataReaderProvider.FromPortablePdbStream(new MemoryStream(pdb));
        _reader = _provider.GetMetadataReader();
    }

    /// <summary>The identity that the assembly names.</summary>
    public Guid Id => new(_reader.DebugMetadataHeader!.Id.AsSpan()[..16]);

    /// <summary>Path in the pdb → address; * stands for the rest of the path. Empty without SourceLink.</summary>
    public IReadOnlyDictionary<string, string> SourceLink
    {
        get
        {
            var json = Information(EntityHandle.ModuleDefinition, SourceLinkKind);
            return json is null ? new Dictionary<string, string>()
                : JsonDocument.Parse(Encoding.UTF8.GetString(json)).RootElement.GetProperty("documents")
                    .Deserialize<Dictionary<string, string>>()!;
        }
    }

    /// <summary>Each source file, and whether its text is in the pdb.</summary>
    public IEnumerable<(string Path, bool Embedded)> Documents
        => _reader.Documents.Select(handle => (
            _reader.GetString(_reader.GetDocument(handle).Name), Information(handle, EmbeddedSourceKind) is not null));

    public void Dispose() => _provider.Dispose();

    private byte[]? Information(EntityHandle parent, Guid kind)
        => _reader.GetCustomDebugInformation(parent).Select(_reader.GetCustomDebugInformation)
            .Where(information => _reader.GetGuid(information.Kind) == kind)
            .Select(information => _reader.GetBlobBytes(information.Value)).SingleOrDefault();
}
