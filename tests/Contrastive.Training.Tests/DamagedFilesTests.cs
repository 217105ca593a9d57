using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

/// <summary>
/// Whatever a file holds, its reader takes it or refuses it with an <see cref="InvalidDataException"/>, and then nothing has
/// changed. Valid files with a few changes, which get further than noise. More of them, and others: <c>MUTATIONS=100000
/// CONTRASTIVE_SEED=1 dotnet test --filter FullyQualifiedName~DamagedFiles</c>.
/// </summary>
public sealed class DamagedFilesTests : IDisposable
{
    private static readonly int Count
        = Environment.GetEnvironmentVariable("MUTATIONS") is { } count ? int.Parse(count, CultureInfo.InvariantCulture) : 400;

    private static readonly Gen<Mutation[]> Mutations = Mutation.Any.Array[1, 4];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static byte[] Apply(Mutation[] mutations, byte[] to, bool json)
        => mutations.Aggregate(to, (bytes, mutation) => json ? mutation.OfJson(bytes) : mutation.Of(bytes));

    /// <summary>The header changed as JSON, with the length that it has then.</summary>
    private static byte[] WithHeader(byte[] file, Func<byte[], byte[]> change)
    {
        var length = BitConverter.ToInt32(file);
        var header = change(file[8..(8 + length)]);
        return [.. BitConverter.GetBytes((long)header.Length), .. header, .. file[(8 + length)..]];
    }

    private static bool Refused(Action read)
    {
        try
        {
            read();
            return false;
        }
        catch (InvalidDataException)
        {
            return true;
        }
    }

    [Fact]
    public void Safetensors_are_read_or_refused()
    {
        using var module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3));
        var path = _folder.Path("weights.safetensors");
        WeightsFile.Save(path, module, new Dictionary<string, string> { ["note"] = "any" });
        var good = File.ReadAllBytes(path);
        var before = State(module);
        var refused = 0;
        Gen.Select(Mutations, Gen.Bool).Check(
            drawn =>
            {
                var (mutations, json) = drawn;
                File.WriteAllBytes(path, json ? WithHeader(good, header => Apply(mutations, header, json: true)) : Apply(mutations, good, json: false));
                Refused(() => WeightsFile.ReadHeader(path));
                Refused(() => WeightsFile.Load(path));
                if (Refused(() => WeightsFile.LoadInto(path, module)))
                {
                    refused++;
                    State(module).Should().Equal(before);
                }
                else
                {
                    File.WriteAllBytes(path, good);
                    WeightsFile.LoadInto(path, module);
                }
            },
            Count);
        refused.Should().BeGreaterThan(Count / 2);
    }

    [Fact]
    public void Checkpoints_are_restored_or_refused()
    {
        using var random = new Generator(7);
        using var tower = nn.Linear(2, 3);
        using var head = nn.Linear(3, 1);
        using var ours = new SafeAdamW(tower.named_parameters(), 0.1);
        using var theirs = optim.Adam(head.parameters(), 0.1);
        using (var scope = NewDisposeScope())
        {
            head.call(tower.call(ones(4, 2))).sum().backward();
            ours.step();
            theirs.step();
        }

        var parts = new CheckpointParts().Module("tower", tower).Module("head", head).Module("ours", ours).Optimizer("theirs", theirs).Generator("random", random);
        string path = _folder.Path("run.ckpt"), goodPath = _folder.Path("good.ckpt");
        CheckpointFile.Save(goodPath, "header", parts);
        var good = File.ReadAllBytes(goodPath);
        var entries = Entries(goodPath);
        var before = State(parts);
        var refused = 0;
        Gen.Select(Mutations, Gen.Int[0, entries.Count + 1], Gen.Bool).Check(
            drawn =>
            {
                var (mutations, which, json) = drawn;
                File.WriteAllBytes(path, which >= entries.Count ? Apply(mutations, good, json: false) : Zip(Changed(entries, which, mutations, json)));
                if (Refused(() => CheckpointFile.Open(path).Restore(parts)))
                {
                    refused++;
                    State(parts).AsSpan().SequenceEqual(before).Should().BeTrue("nothing has changed");
                }
                else
                {
                    CheckpointFile.Open(goodPath).Restore(parts);
                }
            },
            Count);
        refused.Should().BeGreaterThan(Count / 2);
    }

    private static byte[] State(CheckpointParts parts)
    {
        using var state = new MemoryStream();
        foreach (var part in parts.All.Values)
            part.Writer()(state);
        return state.ToArray();
    }

    private static byte[] State(nn.Module module)
        => [.. module.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).SelectMany(t => t.Value.detach().contiguous().bytes.ToArray())];

    /// <summary>One entry is changed, and the manifest has the sum that goes with it, so that it is read to the end.</summary>
    private static List<(string Name, byte[] Content)> Changed(List<(string Name, byte[] Content)> entries, int which, Mutation[] mutations, bool json)
    {
        var (name, content) = entries[which];
        var isModule = name is "parts/tower" or "parts/head" or "parts/ours";
        var changed = json && isModule ? WithHeader(content, header => Apply(mutations, header, json: true)) : Apply(mutations, content, json && !isModule);
        string was = Convert.ToHexStringLower(SHA256.HashData(content)), now = Convert.ToHexStringLower(SHA256.HashData(changed));
        return
        [
            .. entries.Select((entry, i) => i == which ? (name, changed)
                : entry.Name == "manifest.json" ? (entry.Name, Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(entry.Content).Replace(was, now, StringComparison.Ordinal)))
                : entry)
        ];
    }

    private static List<(string Name, byte[] Content)> Entries(string path)
    {
        using var zip = ZipFile.OpenRead(path);
        return
        [
            .. zip.Entries.Select(entry =>
            {
                using var stream = entry.Open();
                var content = new byte[entry.Length];
                stream.ReadExactly(content);
                return (entry.FullName, content);
            })
        ];
    }

    private static byte[] Zip(List<(string Name, byte[] Content)> entries)
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                stream.Write(content);
            }
        }

        return file.ToArray();
    }
}
