using System.Text;
using System.Text.Json;
using CsCheck;

namespace Contrastive.Training.Tests;

/// <summary>One change of a valid file, at a place that is a fraction of its length.</summary>
internal sealed record Mutation(Mutation.Kind What, double At, double Length, int Value)
{
    /// <summary>What JSON's readers and those who use them stumble over.</summary>
    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "1.5", "1e400", "-0", "9223372036854775807", "9223372036854775808", "18446744073709551616", "\"\"", "\"x\"",
        "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[null]", "[0,0]", "{\"a\":1,\"a\":2}", "\"parts/x\"", "\"header.json\"", "\"__metadata__\"",
        new string('[', 100), string.Concat(Enumerable.Repeat("{\"a\":", 100)), "NaN", "//", "", "\"F32\"", "\"BOOL\"", "1,1,1,1,1,1,1",
    ];

    internal enum Kind
    {
        Flip,
        Set,
        Cut,
        Remove,
        Repeat,
        Insert,
        Swap,
    }

    public static Gen<Mutation> Any { get; } = Gen.Select(
        Gen.Enum<Kind>(), Gen.Double[0, 1], Gen.Double[0, 1], Gen.Int[0, 1 << 20], (what, at, length, value) => new Mutation(what, at, length, value));

    /// <summary>Changes bytes.</summary>
    public byte[] Of(byte[] bytes)
    {
        if (bytes.Length == 0) return [(byte)Value];
        var at = (int)(At * (bytes.Length - 1));
        // Mostly short.
        var end = at + 1 + (int)(Math.Pow(Length, 8) * (bytes.Length - at - 1));
        byte[] other = [.. bytes];
        switch (What)
        {
            case Kind.Flip: other[at] ^= (byte)(1 << (Value % 8)); return other;
            case Kind.Set: other.AsSpan(at, end - at).Fill((byte)Value); return other;
            case Kind.Cut: return other[..at];
            case Kind.Remove: return [.. other[..at], .. other[end..]];
            case Kind.Repeat: return [.. other[..end], .. other[at..]];
            case Kind.Insert: return [.. other[..at], .. BitConverter.GetBytes((long)Value << (Value % 44)), .. other[at..]];
            default:
                var with = Value % bytes.Length;
                (other[at], other[with]) = (other[with], other[at]);
                return other;
        }
    }

    /// <summary>Changes the members and values of JSON; bytes where it is JSON no more.</summary>
    public byte[] OfJson(byte[] json)
    {
        var spans = Spans(json);
        if (spans.Count == 0) return Of(json);
        var (start, end) = spans[(int)(At * (spans.Count - 1))];
        byte[] value = Encoding.UTF8.GetBytes(Values[Value % Values.Length]);
        switch (What)
        {
            case Kind.Flip: return Of(json);
            case Kind.Cut: return [.. json[..start], .. json[end..]];
            case Kind.Repeat: return [.. json[..end], (byte)',', .. json[start..]];
            case Kind.Remove: return [.. json[..start], .. json[(end < json.Length && json[end] == ',' ? end + 1 : end)..]];
            case Kind.Swap:
                var (from, to) = spans[Value % spans.Count];
                return [.. json[..start], .. json[from..to], .. json[end..]];
            default: return [.. json[..start], .. value, .. json[end..]];
        }
    }

    /// <summary>Where members, from their name to the end of their value, names and values lie.</summary>
    private static List<(int Start, int End)> Spans(byte[] json)
    {
        var spans = new List<(int, int)>();
        var open = new Stack<(int Container, int Name)>();
        var name = -1;
        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
                int start = (int)reader.TokenStartIndex, end = (int)reader.BytesConsumed;
                switch (reader.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        name = start;
                        spans.Add((start, start + reader.ValueSpan.Length + 2));
                        continue;
                    case JsonTokenType.StartObject or JsonTokenType.StartArray:
                        open.Push((start, name));
                        name = -1;
                        continue;
                    case JsonTokenType.EndObject or JsonTokenType.EndArray:
                        (start, name) = open.Pop();
                        break;
                }

                spans.Add((start, end));
                if (name >= 0) spans.Add((name, end));
                name = -1;
            }
        }
        catch (JsonException)
        {
        }

        return spans;
    }
}
