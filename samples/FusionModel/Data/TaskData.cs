using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Contrastive.Samples.FusionModel.Data;

/// <summary>What a model is fine-tuned for.</summary>
internal enum FusionTask
{
    Vqa,
    Reasoning,
    Entailment,
}

/// <summary>What is drawn.</summary>
internal enum DrawnScenes
{
    /// <summary><see cref="Scene"/>.</summary>
    Places,

    /// <summary><see cref="BoxScene"/>.</summary>
    Boxes,
}

/// <summary>A picture, by its number, a sentence, and the number of the right answer.</summary>
/// <param name="Picture">Its number.</param>
/// <param name="Text">What is asked or said of it.</param>
/// <param name="Answer">The number of the right one, or -1 where training lacks it.</param>
/// <param name="Form">Which form of sentence it is; empty where that is not known.</param>
internal sealed record Example(int Picture, string Text, int Answer, string Form);

/// <summary>Pictures of some boxes and what is asked of them.</summary>
/// <param name="Side">Pixels a side of a box.</param>
/// <param name="Boxes">K, the boxes of a picture.</param>
/// <param name="Pictures">K · 3 · Side² bytes each.</param>
/// <param name="Answers">All there are.</param>
/// <param name="Train">To learn from.</param>
/// <param name="Test">To score on.</param>
/// <param name="Together">So many neighbours of <paramref name="Train"/> differ in what decides their answers and in little else.</param>
internal sealed record TaskData(
    int Side, int Boxes, IReadOnlyList<byte[]> Pictures, IReadOnlyList<string> Answers, IReadOnlyList<Example> Train, IReadOnlyList<Example> Test, int Together = 1)
{
    private const int DrawnBoxes = 3;

    /// <summary>Of those scored, the share of the most frequent answer of training, of each form of sentence its own where forms are known.</summary>
    public double Majority
    {
        get
        {
            var most = Train.GroupBy(example => example.Form).ToDictionary(form => form.Key, form => form.CountBy(example => example.Answer).MaxBy(answer => answer.Value).Key);
            return Test.Average(example => most.TryGetValue(example.Form, out var answer) && example.Answer == answer ? 1 : 0.0);
        }
    }

    /// <summary>The same for the same pictures, sentences and answers, wherever they lie.</summary>
    public string Digest => DigestOf(Pictures, Train.Concat(Test).Select(example => $"{example.Picture}\t{example.Text}\t{Answers.ElementAtOrDefault(example.Answer)}"));

    /// <summary>Pixels a side of a box of drawn scenes.</summary>
    public static int SideOf(DrawnScenes? scenes) => scenes == DrawnScenes.Boxes ? BoxScene.Side : Scene.Side;

    /// <summary>Draws scenes and sentences; those of the test set are in no training set, whatever the seed.</summary>
    /// <param name="task">Which sentences.</param>
    /// <param name="train">About how many examples to learn from.</param>
    /// <param name="test">About how many to score on.</param>
    /// <param name="seed">Draws them.</param>
    /// <param name="scenes">Of which kind.</param>
    public static TaskData Draw(FusionTask task, int train, int test, int seed, DrawnScenes scenes = DrawnScenes.Places) => (scenes, task) switch
    {
        (DrawnScenes.Boxes, _) => Draw(BoxSentences.Statements, BoxScene.Side, DrawnBoxes, train, test, seed),
        (_, FusionTask.Vqa) => Draw(PlaceSentences.Questions, Scene.Side, 1, train, test, seed),
        (_, FusionTask.Reasoning) => Draw(PlaceSentences.Statements, Scene.Side, DrawnBoxes, train, test, seed),
        _ => Draw(PlaceSentences.Hypotheses, Scene.Side, 1, train, test, seed),
    };

    private static TaskData Draw<TScene>(IReadOnlyList<SentenceForm<TScene>> forms, int side, int boxes, int train, int test, int seed)
        where TScene : class, IScene
    {
        var random = new Random(seed);
        var pictures = new List<byte[]>();
        string[] answers = [.. forms.SelectMany(form => form.Answers).Distinct()];
        return new TaskData(
            side, boxes, pictures, answers, Examples(train, forTesting: false), Examples(test, forTesting: true), forms.Select(BalancedScenes.Together).Distinct().Single());

        Example[] Examples(int count, bool forTesting)
        {
            var examples = new List<Example>();
            TScene? last = null;
            SentenceForm<TScene>[] turns = [.. forms.SelectMany(form => Enumerable.Repeat(form, forTesting ? 1 : form.Turns))];
            for (var f = 0; examples.Count < count; f++)
            {
                var form = turns[f % turns.Length];
                foreach (var (scene, sentence, answer) in BalancedScenes.Draw(form, forTesting, random))
                {
                    if (!ReferenceEquals(last, scene))
                        pictures.Add(scene.Paint(random));
                    last = scene;
                    examples.Add(new Example(pictures.Count - 1, sentence.Text, Array.IndexOf(answers, form.Answers[answer]), form.Name));
                }
            }

            return [.. examples];
        }
    }

    /// <summary>Reads the user's files: <c>image&lt;TAB&gt;sentence&lt;TAB&gt;answer</c> a line.</summary>
    /// <exception cref="UserError">A file or the folder cannot be read, or an answer is none of the task's.</exception>
    public static TaskData Read(FusionTask task, string folder, string train, string test, int side, int boxes, SampleConsole console)
    {
        var files = new PictureFiles(folder, side, boxes);
        var lines = (Train: files.Read("--train", train, 2, console), Test: files.Read("--test", test, 2, console));
        string[] answers = task switch
        {
            FusionTask.Vqa => [.. lines.Train.Select(line => line.Values[1].ToLowerInvariant()).CountBy(answer => answer)
                .OrderByDescending(answer => answer.Value).ThenBy(answer => answer.Key, StringComparer.Ordinal).Select(answer => answer.Key)],
            FusionTask.Reasoning => ["true", "false"],
            _ => ["entailed", "contradicted", "neutral"],
        };
        return new TaskData(side, boxes, files.Pictures, answers, Examples(lines.Train, "--train"), Examples(lines.Test, "--test"));

        Example[] Examples(IReadOnlyList<(int Picture, IReadOnlyList<string> Values)> lines, string option) => [.. lines.Select(line =>
        {
            var answer = Array.IndexOf(answers, line.Values[1].ToLowerInvariant());
            // Questions may be tested whose answer training lacks: they count as wrong.
            return answer >= 0 || (task == FusionTask.Vqa && option == "--test")
                ? new Example(line.Picture, line.Values[0], answer, "")
                : throw new UserError($"{option}: '{line.Values[1]}' is none of the answers {string.Join(", ", answers)}");
        })];
    }

    internal static string DigestOf(IEnumerable<byte[]> pictures, IEnumerable<string> texts)
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var picture in pictures)
            sum.AppendData(picture);
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var text in texts)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            sum.AppendData(length);
            sum.AppendData(bytes);
        }

        return Convert.ToHexStringLower(sum.GetHashAndReset())[..16];
    }
}

/// <summary>Scenes and sentences from which neither alone tells the answer.</summary>
internal static class BalancedScenes
{
    /// <summary>How many examples <see cref="Draw"/> gives.</summary>
    public static int Together<TScene>(SentenceForm<TScene> form)
        where TScene : IScene
        => form.Answers.Count > 2 ? form.Answers.Count : 4;

    /// <summary>
    /// Of two answers: two scenes and two sentences, each sentence right of another scene, so that every scene and every sentence has both
    /// answers. Of more: one sentence and a scene for each answer.
    /// </summary>
    public static IEnumerable<(TScene Scene, Sentence<TScene> Sentence, int Answer)> Draw<TScene>(SentenceForm<TScene> form, bool forTesting, Random random)
        where TScene : IScene
    {
        Sentence<TScene>[] sentences = [.. form.Sentences.Where(sentence => sentence.IsForTesting == forTesting)];
        if (form.Answers.Count > 2)
        {
            var asked = sentences[random.Next(sentences.Length)];
            for (var answer = 0; answer < form.Answers.Count; answer++)
                yield return (Until(Scene, scene => asked.Answer(scene) == answer), asked, answer);
            yield break;
        }

        while (true)
        {
            var (one, other) = (Scene(), Scene());
            var first = sentences.Where(sentence => sentence.Answer(one) == 0 && sentence.Answer(other) == 1).ToArray();
            var second = sentences.Where(sentence => sentence.Answer(one) == 1 && sentence.Answer(other) == 0).ToArray();
            if (first.Length == 0 || second.Length == 0)
                continue;
            var (a, b) = (first[random.Next(first.Length)], second[random.Next(second.Length)]);
            yield return (one, a, 0);
            yield return (one, b, 1);
            yield return (other, a, 1);
            yield return (other, b, 0);
            yield break;
        }

        TScene Scene() => form.Draw(random, forTesting);
    }

    private static T Until<T>(Func<T> draw, Func<T, bool> holds)
    {
        while (true)
        {
            var drawn = draw();
            if (holds(drawn))
                return drawn;
        }
    }
}
