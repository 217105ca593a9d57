namespace Contrastive.Samples.FusionModel.Data;

/// <summary>Words that a model must know before it meets them.</summary>
internal static class Vocabulary
{
    /// <summary>All training sentences of the drawn tasks, and their answers.</summary>
    public static IEnumerable<string> OfTasks(DrawnScenes scenes) => scenes == DrawnScenes.Boxes
        ? Of(BoxSentences.Statements)
        : new[] { PlaceSentences.Questions, PlaceSentences.Statements, PlaceSentences.Hypotheses }.SelectMany(Of);

    private static IEnumerable<string> Of<TScene>(IReadOnlyList<SentenceForm<TScene>> forms)
        where TScene : IScene
        => forms.SelectMany(form => form.Sentences.Where(sentence => !sentence.IsForTesting).Select(sentence => sentence.Text).Concat(form.Answers));

    /// <summary>A vocabulary and, behind it, the words of some texts that it lacks: what was learned of the first stays where it is.</summary>
    public static IReadOnlyList<string> Extended(IReadOnlyList<string> known, IEnumerable<string> texts)
        => [.. known, .. CaptionTokenizer.Of(texts).Vocabulary.Except(known)];
}
