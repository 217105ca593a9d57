using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip;

/// <summary>Synonyms, two neighbouring words swapped, and words deleted. A caption may say less afterwards, but nothing false.</summary>
/// <param name="words">What may be done to each token.</param>
/// <param name="synonym">How often a word that has synonyms is drawn anew among them.</param>
/// <param name="swap">How often a caption has two neighbours swapped.</param>
/// <param name="delete">How often a word that may go goes.</param>
internal sealed class CaptionAugmentation(WordTables words, double synonym, double swap, double delete, Generator random)
{
    // The class token, the end token, and a last word that has no right neighbour.
    private const double NotSwappable = 3;

    /// <summary>(N, L) tokens to (N, L).</summary>
    public Tensor Apply(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        return Delete(Swap(Synonyms(tokens))).MoveToOuterDisposeScope();
    }

    /// <summary>Synonyms alone, which take no word away.</summary>
    public Tensor Synonyms(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        using var choices = ((double)words.Synonyms.shape[1]).ToScalar();
        var choice = Uniform(tokens, tokens.shape).mul(choices).to(ScalarType.Int64);
        return where(Happens(tokens, synonym, tokens.shape), words.Synonyms[tokens, choice], tokens).MoveToOuterDisposeScope();
    }

    private Tensor Swap(Tensor tokens)
    {
        var (n, length) = (tokens.shape[0], tokens.shape[1]);
        var places = TensorArithmetic.Range(0, length, tokens.device).unsqueeze(0).expand(n, length);
        var neighbours = Real(tokens).sum(dim: 1, keepdim: true).to(ScalarType.Float32).Plus(-NotSwappable).clamp_min_(Scalars.Zero);
        var left = Next((Uniform(tokens, n, 1) * neighbours).to(ScalarType.Int64));
        var swapped = Happens(tokens, swap, n, 1).logical_and(neighbours.gt(Scalars.Zero));
        var isLeft = places.eq(left).logical_and(swapped).to(ScalarType.Int64);
        var isRight = places.eq(Next(left)).logical_and(swapped).to(ScalarType.Int64);
        return tokens.gather(1, Sum(places, isLeft) - isRight);
    }

    private Tensor Delete(Tensor tokens)
    {
        var (n, length) = (tokens.shape[0], tokens.shape[1]);
        var places = TensorArithmetic.Range(0, length, tokens.device).unsqueeze(0).expand(n, length);
        var gone = words.Deletable[tokens].logical_and(Happens(tokens, delete, n, length)).to(ScalarType.Int64);
        // What stays moves up in its order: the keys are distinct, so any sort is stable.
        using var beyond = length.ToScalar();
        var order = Sum(places, gone.mul(beyond)).argsort(1);
        var gaps = gone.sum(dim: 1, keepdim: true);
        using var padding = words.Padding.ToScalar();
        return tokens.gather(1, order).masked_fill(Sum(places, gaps).ge(beyond), padding);
    }

    private Tensor Real(Tensor tokens)
    {
        using var padding = words.Padding.ToScalar();
        return tokens.ne(padding);
    }

    private Tensor Happens(Tensor like, double rate, params long[] shape)
    {
        using var limit = rate.ToScalar();
        return Uniform(like, shape).lt(limit);
    }

    private Tensor Uniform(Tensor like, params long[] shape) => rand(shape, ScalarType.Float32, like.device, generator: random);

    private static Tensor Sum(Tensor left, Tensor right) => left.add(right, Scalars.OneIndex);

    private static Tensor Next(Tensor places) => places.add(Scalars.OneIndex, Scalars.OneIndex);
}

/// <summary>What may be done to each token of a vocabulary of V, as tables to index by token id.</summary>
internal sealed class WordTables : IDisposable
{
    // Divisible by every number of synonyms, so that each is as likely.
    private const int Choices = 6;

    private static readonly string[][] Fillers = [["picture", "drawing", "print"], ["at", "in"], ["for", "price"]];

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
