using System.Text;
using Contrastive.Samples.ImageSearch.Models;

namespace Contrastive.Samples.Tests.ImageSearch;

public class CaptionHashTests
{
    private static readonly CaptionHash Hash = new(1 << 24);

    /// <summary>Finished runs are lines of a file, and saved models have rows by these numbers: captions in Latin letters keep theirs.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("arrow-left 2")]
    [InlineData("Woman’s hat, 3 cats & a \"piñata\"")]
    [InlineData("déjà vu — ÅNGSTRÖM’s ñandú; straße")]
    [InlineData("колесо обозрения")]
    public void Captions_in_alphabets_have_the_numbers_of_their_words_and_triples_as_ever(string caption)
        => Hash.Numbers(caption).Should().Equal(AsEver(caption));

    [Theory]
    [InlineData("दाँत दिखाता चेहरा", new[] { "दाँत", "दिखाता", "चेहरा" })]
    [InlineData("مُدَرِّس وجه", new[] { "مُدَرِّس", "وجه" })]
    [InlineData("자전거 얼굴", new[] { "자전거", "얼굴" })]
    [InlineData("イヌ・顔", new[] { "イヌ", "顔" })]
    [InlineData("क्\u200dष", new[] { "क्ष" })]
    public void Marks_on_letters_are_within_a_word(string text, string[] words) => CaptionHash.Words(text).Should().Equal(words);

    [Theory]
    [InlineData("自行车", "车站")]
    [InlineData("自転車", "車")]
    [InlineData("자전거", "자전거포")]
    [InlineData("イヌの顔", "ネコの顔")]
    [InlineData("चेहरा", "चेहरे")]
    [InlineData("دراجة", "دراجات")]
    public void Names_with_a_part_in_common_have_a_number_in_common(string one, string other)
        => Hash.Numbers(one).Intersect(Hash.Numbers(other)).Should().NotBeEmpty();

    [Fact]
    public void What_is_no_text_does_no_harm()
        => Hash.Numbers("half \ud83d a pair").Should().Equal(Hash.Numbers("half a pair"));

    /// <summary>As it reads: words, then triples, by FNV-1a.</summary>
    private static long[] AsEver(string caption)
    {
        string[] words = [.. new string([.. caption.ToLowerInvariant().Select(letter => char.IsLetterOrDigit(letter) ? letter : ' ')]).Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        long[] numbers = [.. words.SelectMany(word => Enumerable.Range(0, word.Length).Select(at => $"t{$"<{word}>".Substring(at, 3)}").Prepend($"w{word}")).Select(Number)];
        return numbers.Length == 0 ? [Number("")] : numbers;

        static long Number(string part)
        {
            var hash = Encoding.UTF8.GetBytes(part).Aggregate(2166136261u, (sum, value) => (sum ^ value) * 16777619u);
            return (hash ^ (hash >> 15)) % (1u << 24);
        }
    }
}
