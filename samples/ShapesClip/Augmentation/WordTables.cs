using Contrastive.Samples.ShapesClip.Data;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Augmentation;

/// <summary>What may be done to each token of a vocabulary of V, as tables to index by token id.</summary>
internal sealed class WordTables : IDisposable
{
    // Divisible by every number of synonyms, so that each is as likely.
    private const int Choices = 6;

    private static readonly string[][] Fillers = [["picture", "drawing", "print"], ["at", "in"], ["for", "price"]];

    /// <param name="tokenizer">Has the vocabulary.</param>
    /// <param name="device">Where the tables go.</param>
    public WordTables(CaptionTokenizer tokenizer, Device device)
    {
        var vocabulary = tokenizer.Vocabulary.Count;
        long[] mirror = [.. Enumerable.Range(0, vocabulary).Select(id => (long)id)];
        long[] synonyms = [.. Enumerable.Range(0, vocabulary).SelectMany(id => Enumerable.Repeat((long)id, Choices))];
        var deletable = new bool[vocabulary];

        int left = tokenizer.Id("left"), right = tokenizer.Id("right");
        if (left >= 0 && right >= 0)
            (mirror[left], mirror[right]) = (right, left);

        // A number is not a synonym of another, though both be of one band of prices.
        var groups = Attributes.All.Where(kind => kind != Attributes.Price && kind.ToldBy != ToldBy.Picture).SelectMany(kind => kind.Classes)
            .Concat(Attributes.PlacePhrases).Concat(Fillers);
        foreach (var group in groups)
        {
            var ids = group.Select(tokenizer.Id).Where(id => id >= 0).ToArray();
            foreach (var id in ids)
            {
                for (var choice = 0; choice < Choices; choice++)
                    synonyms[id * Choices + choice] = ids[choice % ids.Length];
            }
        }

        // "Top left" without "top" would name another place, and so be false; without the colour a caption says less.
        var places = Attributes.PlacePhrases.SelectMany(words => words).ToHashSet();
        for (var id = 0; id < vocabulary; id++)
            deletable[id] = tokenizer.Vocabulary[id] is not ['[', ..] && !places.Contains(tokenizer.Vocabulary[id]);

        Padding = tokenizer.Padding;
        Mirror = tensor(mirror, device: device).DetachFromDisposeScope();
        Synonyms = tensor(synonyms, [vocabulary, Choices], device: device).DetachFromDisposeScope();
        Deletable = tensor(deletable, device: device).DetachFromDisposeScope();
    }

    public long Padding { get; }

    /// <summary>(V): the token when left and right change places.</summary>
    public Tensor Mirror { get; }

    /// <summary>(V, choices): tokens that say the same, the token itself among them.</summary>
    public Tensor Synonyms { get; }

    /// <summary>(V): whether a caption without the token is still true.</summary>
    public Tensor Deletable { get; }

    public void Dispose()
    {
        Mirror.Dispose();
        Synonyms.Dispose();
        Deletable.Dispose();
    }
}
