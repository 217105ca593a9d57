using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Contrastive.Evaluation;

/// <summary>
/// The soft accuracy of answers to questions that several people answered (S. Antol et al., "VQA: Visual Question Answering", ICCV 2015,
/// §3): an answer that at least three gave is right. To be consistent with human accuracy it is the mean over all ways to leave one
/// person's answer out.
/// </summary>
/// <remarks>
/// <para>
/// $$\operatorname*{mean}_i \; \min\!\left( 1, \; \tfrac13 \, \#\{\text{people other than } i \text{ who gave the answer}\} \right)$$
/// </para>
/// <para>Answers are compared in lower case, without punctuation and articles, number words as digits, as in the published evaluation but for its
/// table of contractions; see <see cref="Normalize"/>.</para>
/// </remarks>
public static class VqaAccuracy
{
    private const double Enough = 3;

    // Asks for a coloured picture of the symbol before it, and says nothing.
    private const char EmojiStyle = '\uFE0F';

    private static readonly Dictionary<string, string> Numbers = new()
    {
        ["none"] = "0",
        ["zero"] = "0",
        ["one"] = "1",
        ["two"] = "2",
        ["three"] = "3",
        ["four"] = "4",
        ["five"] = "5",
        ["six"] = "6",
        ["seven"] = "7",
        ["eight"] = "8",
        ["nine"] = "9",
        ["ten"] = "10",
    };

    /// <summary>The accuracy of one answer.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="human">What people answered, at least 2; in VQA 10.</param>
    /// <returns>The accuracy, in [0, 1].</returns>
    /// <exception cref="ArgumentNullException">An argument or an answer is null.</exception>
    /// <exception cref="ArgumentException">There are fewer than 2 human answers.</exception>
    public static double Of(string answer, IReadOnlyList<string> human)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(human);
        if (human.Count < 2)
            throw new ArgumentException($"human must have at least 2 answers but has {human.Count}", nameof(human));
        string given = Normalize(answer);
        bool[] same = [.. human.Select(one => Normalize(one) == given)];
        int all = same.Count(agrees => agrees);
        return same.Average(agrees => Math.Min(1, (all - (agrees ? 1 : 0)) / Enough));
    }

    /// <summary>The accuracy of the answers to several questions.</summary>
    /// <param name="answers">An answer for each question, at least 1.</param>
    /// <param name="human">What people answered to each.</param>
    /// <returns>The accuracy of each, whose mean is the figure.</returns>
    /// <exception cref="ArgumentNullException">An argument or an answer is null.</exception>
    /// <exception cref="ArgumentException">
    /// There are no questions, not as many of one as of the other, or one has fewer than 2 human answers.
    /// </exception>
    public static ImmutableArray<double> Of(IReadOnlyList<string> answers, IReadOnlyList<IReadOnlyList<string>> human)
    {
        ArgumentNullException.ThrowIfNull(answers);
        ArgumentNullException.ThrowIfNull(human);
        if (answers.Count == 0)
            throw new ArgumentException("answers has 0 texts but must have at least 1", nameof(answers));
        if (answers.Count != human.Count)
            throw new ArgumentException($"answers has {answers.Count} texts but human has {human.Count} lists", nameof(human));
        return [.. answers.Select((answer, question) => Of(answer, human[question]))];
    }

    /// <summary>An answer as it is compared: lower case, no punctuation, no articles, number words as digits, single spaces.</summary>
    /// <param name="answer">The answer.</param>
    /// <returns>The answer to compare.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="answer"/> is null.</exception>
    public static string Normalize(string answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        answer = Composed(answer);
        var plain = new StringBuilder(answer.Length);
        for (int i = 0; i < answer.Length; i++)
        {
            char c = answer[i];
            // A point or comma within a number belongs to it; the comma is left out.
            bool within = i > 0 && i < answer.Length - 1 && char.IsAsciiDigit(answer[i - 1]) && char.IsAsciiDigit(answer[i + 1]);
            if (Belongs(c) || c == '\'' || (c == '.' && within))
                plain.Append(char.ToLowerInvariant(c));
            else if (!(c == ',' && within))
                plain.Append(' ');
        }

        var words = plain.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(word => word is not ("a" or "an" or "the"));
        return string.Join(' ', words.Select(word => Numbers.GetValueOrDefault(word, word)));
    }

    /// <summary>Vowel signs and tones of Hindi or Thai tell words apart; an emoji is a symbol or two halves of a surrogate pair.</summary>
    private static bool Belongs(char c)
        => c != EmojiStyle && (char.IsLetterOrDigit(c) || char.IsSurrogate(c) || char.GetUnicodeCategory(c)
            is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.OtherSymbol);

    /// <summary>A letter and its accent as one character, whichever way they were typed, where the runtime has normal forms; half of a surrogate pair has none.</summary>
    private static string Composed(string answer)
    {
        try
        {
            return answer.Normalize(NormalizationForm.FormC);
        }
        catch (ArgumentException)
        {
            return answer;
        }
    }
}
