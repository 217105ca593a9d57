using static TorchSharp.torch;

namespace Contrastive;

/// <summary>The dtypes of the format that TorchSharp has, by their names there.</summary>
internal static class SafetensorsDtype
{
    private static readonly Dictionary<string, (ScalarType Type, int Size)> Known = new()
    {
        ["BOOL"] = (ScalarType.Bool, 1),
        ["U8"] = (ScalarType.Byte, 1),
        ["I8"] = (ScalarType.Int8, 1),
        ["I16"] = (ScalarType.Int16, 2),
        ["F16"] = (ScalarType.Float16, 2),
        ["BF16"] = (ScalarType.BFloat16, 2),
        ["I32"] = (ScalarType.Int32, 4),
        ["F32"] = (ScalarType.Float32, 4),
        ["I64"] = (ScalarType.Int64, 8),
        ["F64"] = (ScalarType.Float64, 8),
    };

    private static readonly Dictionary<ScalarType, string> Names = Known.ToDictionary(known => known.Value.Type, known => known.Key);

    public static string All => string.Join(", ", Known.Keys);

    public static string? NameOf(ScalarType type) => Names.GetValueOrDefault(type);

    public static bool TryGet(string name, out ScalarType type)
    {
        var known = Known.TryGetValue(name, out var found);
        type = found.Type;
        return known;
    }

    public static int Size(ScalarType type) => Known[Names[type]].Size;
}
