using System.Globalization;
using System.Text;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Models;

/// <summary>
/// A caption as numbers: each word and each three letters of a word, its ends marked, has a number below a limit by its hash. So no
/// vocabulary is kept, and words that training never saw are known by their parts. Case is ignored.
/// </summary>
/// <remarks>
/// Any script will do. Vowel signs and accents belong to the letter before them. Where writing has no spaces, or a letter is a syllable or
/// more, pairs have numbers too, and Chinese characters by themselves: a name of two characters would have hardly a part otherwise.
/// </remarks>
/// <param name="Buckets">The limit.</param>
internal sealed record CaptionHash(int Buckets)
{
    private const int LettersAtOnce = 3;

    // Unicode's blocks whose letters are syllables or words: kana, Chinese characters, Korean syllables.
    private static readonly (int First, int Last)[] Kana = [(0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)];
    private static readonly (int First, int Last)[] Characters = [(0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)];
    private static readonly (int First, int Last)[] Syllables = [(0xAC00, 0xD7A3)];

    /// <summary>The words of a text: runs of letters and digits, in lower case, with the marks on them.</summary>
    public static IReadOnlyList<string> Words(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var rune in $"{text} ".EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune) || (word.Length > 0 && IsMark(rune)))
            {
                word.Append(Rune.ToLowerInvariant(rune).ToString());
            }
            else if (word.Length > 0 && !IsJoiner(rune))
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
            for (var i = 1; i + 1 < marked.Length; i++)
            {
                if (IsIn(marked[i], Characters))
                    numbers.Add(Number($"s{marked[i]}"));
                if (IsDense(marked[i]) && IsDense(marked[i + 1]))
                    numbers.Add(Number($"p{marked[i]}{marked[i + 1]}"));
            }
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

    private static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    /// <summary>It says how the letters around it are drawn, within a word.</summary>
    private static bool IsJoiner(Rune rune) => rune.Value is 0x200C or 0x200D;

    private static bool IsDense(Rune rune) => IsIn(rune, Characters) || IsIn(rune, Kana) || IsIn(rune, Syllables);

    private static bool IsIn(Rune rune, (int First, int Last)[] blocks) => blocks.Any(block => rune.Value >= block.First && rune.Value <= block.Last);

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
