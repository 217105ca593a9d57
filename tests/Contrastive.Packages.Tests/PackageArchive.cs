using System.IO.Compression;
using System.Xml.Linq;

namespace Contrastive.Packages.Tests;

/// <summary>A .nupkg or .snupkg.</summary>
public sealed class PackageArchive(string path) : IDisposable
{
    private readonly ZipArchive _archive = ZipFile.OpenRead(path);

    /// <summary>The files, but for those that the package format itself has.</summary>
    public IEnumerable<string> Files => _archive.Entries.Select(entry => entry.FullName)
        .Where(name => name is not ("[Content_Types].xml" or "_rels/.rels") && !name.StartsWith("package/", StringComparison.Ordinal));

    /// <summary>The nuspec's metadata.</summary>
    public XElement Metadata
    {
        get
        {
            var nuspec = _archive.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal));
            using var stream = nuspec.Open();
            return XDocument.Load(stream).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
        }
    }

    public byte[] Read(string file)
    {
        using var stream = _archive.GetEntry(file)!.Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    public void Dispose() => _archive.Dispose();
}
