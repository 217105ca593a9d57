using System.Text;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Models;

/// <summary>
/// A caption as numbers: each word and each three letters of a word, its ends marked, has a number below a limit by its hash. So no
/// vocabulary is kept, and words that training never saw are known by their parts. Case is ignored.
/// </summary>
/// <param name="Buckets">The limit.</param>
internal sealed record CaptionHash(int Buckets)
{
    private const int LettersAtOnce = 3;

    /// <summary>The words of a text: runs of letters and digits, in lower case.</summary>
    public static IReadOnlyList<string> Words(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var rune in $"{text} ".EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune))
            {
                word.Append(Rune.ToLowerInvariant(rune).ToString());
            }
            else if (word.Length > 0)
            {
                words.Add(word.ToString());
                word.Clear();
            }
        }

        return words;
    }

    /// <summary>The numbers of a text's words and triples of letters; one for nothing at all where it has no words.</summary>
    public long[] Numbers(string text)
    {
        var numbers = new List<long>();
        foreach (var word in Words(text))
        {
            numbers.Add(Number($"w{word}"));
            Rune[] marked = [new('<'), .. word.EnumerateRunes(), new('>')];
            for (var i = 0; i + LettersAtOnce <= marked.Length; i++)
                numbers.Add(Number($"t{marked[i]}{marked[i + 1]}{marked[i + 2]}"));
        }

        return numbers.Count > 0 ? [.. numbers] : [Number("")];
    }

    /// <summary>The numbers of some texts one behind the other, and where each text begins.</summary>
    public static (Tensor Numbers, Tensor Starts) Join(IReadOnlyList<long[]> texts, Device device)
    {
        var starts = new long[texts.Count];
        for (var i = 1; i < starts.Length; i++)
            starts[i] = starts[i - 1] + texts[i - 1].Length;
        return (tensor([.. texts.SelectMany(numbers => numbers)], device: device), tensor(starts, device: device));
    }

    private long Number(string part)
    {
        // FNV-1a: the same on every machine and in every run, which .NET's own hashes are not.
        var hash = 2166136261u;
        foreach (var value in Encoding.UTF8.GetBytes(part))
            hash = (hash ^ value) * 16777619u;
        // Its low bits mix worst.
        return (hash ^ (hash >> 15)) % (uint)Buckets;
    }
}
