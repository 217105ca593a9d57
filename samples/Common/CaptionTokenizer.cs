using System.Text;
using Microsoft.ML.Tokenizers;
using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>
/// WordPiece over the words of the training captions, most frequent first. Letters and digits are pieces as well, so any
/// text has tokens: a word that training never saw is spelled. Case is ignored; punctuation marks are words.
/// </summary>
/// <param name="vocabulary">All tokens by id, as <see cref="Vocabulary"/> gives them.</param>
public sealed class CaptionTokenizer(IReadOnlyList<string> vocabulary)
{
    /// <summary>A longer text is cut here.</summary>
    public const int LongestText = 48;

    // Rarer words are spelled.
    private const int MostWords = 20_000;

    private static readonly string[] Special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    private readonly BertTokenizer _tokenizer = BertTokenizer.Create(new MemoryStream(Encoding.UTF8.GetBytes(string.Join('\n', vocabulary))));

    /// <summary>All tokens by id; enough to make the tokenizer again.</summary>
    public IReadOnlyList<string> Vocabulary => vocabulary;

    public int Padding => _tokenizer.PaddingTokenId;

    public static CaptionTokenizer Of(IEnumerable<string> captions)
    {
        string[] letters = [.. "abcdefghijklmnopqrstuvwxyz0123456789".Select(letter => $"{letter}")];
        var splitter = new CaptionTokenizer([.. Special, .. letters]);
        string[] words = [.. captions.SelectMany(splitter.Words)
            .CountBy(word => word)
            .OrderByDescending(word => word.Value).ThenBy(word => word.Key, StringComparer.Ordinal)
            .Select(word => word.Key).Except(Special)];
        string[] pieces = [.. letters.Concat(words.SelectMany(word => word.EnumerateRunes()).Select(rune => rune.ToString()).Distinct().Order(StringComparer.Ordinal)).Distinct()];
        words = [.. words.Take(MostWords)];
        return new([.. Special, .. words.Concat(pieces).Concat(pieces.Select(piece => $"##{piece}")).Distinct()]);
    }

    /// <summary>The words and marks of a text, in lower case.</summary>
    public IEnumerable<string> Words(string text)
    {
        var normal = _tokenizer.Normalizer?.Normalize(text) ?? text;
        return _tokenizer.PreTokenizer!.PreTokenize(normal).Select(part => normal.Substring(part.Offset, part.Length));
    }

    /// <summary>The id of a word that is one token, or -1.</summary>
    public int Id(string word) => _tokenizer.EncodeToIds(word, addSpecialTokens: false) is [var id] ? id : -1;

    /// <summary>(N, L) token ids with a class token in front and an end token, padded at the end to the longest text.</summary>
    public Tensor Encode(IReadOnlyList<string> texts, Device device)
    {
        var ids = texts.Select(text => _tokenizer.EncodeToIds(text, LongestText, out _, out _)).ToArray();
        var length = ids.Max(text => text.Count);
        long[] padded = [.. ids.SelectMany(text => text.Select(id => (long)id).Concat(Enumerable.Repeat((long)Padding, length - text.Count)))];
        return tensor(padded, [ids.Length, length], device: device);
    }
}
