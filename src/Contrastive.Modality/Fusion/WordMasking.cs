using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>
/// Selects the words that a model is to tell from the others (masked language modelling; BERT, J. Devlin et al., NAACL 2019, section 3.1; ALBEF,
/// J. Li et al. 2021): of those selected most become the mask, some a random token, and some stay.
/// </summary>
/// <remarks>Each word is selected by itself with the rate as its probability: a text may have none. Special tokens are neither selected nor drawn.</remarks>
/// <example>
/// <code>
/// var masking = new WordMasking(vocabulary: 1000, maskToken: 4, specialTokens: [0, 1, 2, 3, 4]);
/// using var masked = masking.Draw(tokens, generator);
/// var logits = head.forward(masked.Select(model.States(masked.Tokens, images)));
/// new MaskedWordLoss().forward(logits, masked.Select(masked.Targets)).backward();
/// </code>
/// </example>
public sealed class WordMasking
{
    private readonly long _maskToken;
    private readonly bool[] _special;
    private readonly bool[]? _continues;
    private readonly long[] _ordinary;

    /// <summary>Creates the rule.</summary>
    /// <param name="vocabulary">V, how many tokens there are: 0, …, V - 1. Range: ≥ 2.</param>
    /// <param name="maskToken">The token that stands for a masked one.</param>
    /// <param name="specialTokens">Tokens that are no words: padding, class, end, mask. At least one token must be none of them.</param>
    /// <param name="rate">The probability that a word is selected. Range: 0 ≤ rate ≤ 1.</param>
    /// <param name="maskShare">Of the selected, the share that becomes the mask. Range: 0 ≤ share ≤ 1.</param>
    /// <param name="randomShare">The share that becomes a random token; the rest stays. Range: ≥ 0, maskShare + randomShare ≤ 1.</param>
    /// <param name="continuations">
    /// For whole words: (V), true of the tokens that go on a word (WordPiece's ##). All pieces of a word are selected, or none. What becomes of
    /// each is drawn by itself, as BERT's code does. Null to select each token by itself.
    /// </param>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public WordMasking(
        long vocabulary,
        long maskToken,
        IReadOnlyCollection<long> specialTokens,
        double rate = 0.15,
        double maskShare = 0.8,
        double randomShare = 0.1,
        IReadOnlyList<bool>? continuations = null)
    {
        Vocabulary = Guard.AtLeast(vocabulary, 2);
        ArgumentNullException.ThrowIfNull(specialTokens);
        Rate = Guard.Between(rate, 0, 1);
        MaskShare = Guard.Between(maskShare, 0, 1);
        RandomShare = Guard.Between(randomShare, 0, 1);
        if (maskShare + randomShare > 1 + 1e-12)
            throw new ArgumentException($"maskShare and randomShare must add up to at most 1 but are {maskShare} and {randomShare}", nameof(randomShare));
        CheckToken(maskToken, nameof(maskToken));
        _maskToken = maskToken;
        _special = new bool[vocabulary];
        foreach (var token in specialTokens)
        {
            CheckToken(token, nameof(specialTokens));
            _special[token] = true;
        }
        _ordinary = [.. Enumerable.Range(0, (int)vocabulary).Where(token => !_special[token]).Select(token => (long)token)];
        if (_ordinary.Length == 0) throw new ArgumentException($"all {vocabulary} tokens are special", nameof(specialTokens));
        if (continuations is not null && continuations.Count != vocabulary)
            throw new ArgumentException($"continuations must be of {vocabulary} tokens but are of {continuations.Count}", nameof(continuations));
        _continues = continuations?.ToArray();

        void CheckToken(long token, string name)
        {
            if (token < 0 || token >= vocabulary)
                throw new ArgumentOutOfRangeException(name, token, $"{name} must lie in [0, {vocabulary - 1}] but is {token}");
        }
    }

    /// <summary>V.</summary>
    public long Vocabulary { get; }

    /// <summary>The probability that a word is selected.</summary>
    public double Rate { get; }

    /// <summary>Of the selected, the share that becomes the mask.</summary>
    public double MaskShare { get; }

    /// <summary>The share that becomes a random token.</summary>
    public double RandomShare { get; }

    /// <summary>Whether all pieces of a word are selected together.</summary>
    public bool WholeWords => _continues is not null;

    /// <summary>Selects words of some texts.</summary>
    /// <param name="tokens">(N, L) integers in [0, V). They are not changed.</param>
    /// <param name="generator">Where the draws come from; by default TorchSharp's global generator. On the tokens' device.</param>
    /// <returns>The texts to show, and what is to be told of them.</returns>
    /// <exception cref="ArgumentException">The tokens are no such matrix; the message says what was given.</exception>
    public MaskedWords Draw(Tensor tokens, Generator? generator = null)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        if (tokens.dim() != 2) throw new ArgumentException($"tokens must have the shape (N, L) but have {Guard.Shape(tokens)}", nameof(tokens));
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using (var flat = tokens.flatten()) Guard.Integers(flat, flat.shape[0], nameof(tokens));
        Guard.DrawsOn(generator, tokens);
        var device = tokens.device;
        var given = tokens.to(ScalarType.Int64);
        using var end = Vocabulary.ToScalar();
        var outside = given.lt(Scalars.ZeroIndex).logical_or(given.ge(end));
        if (outside.any().item<bool>())
            throw new ArgumentException($"tokens must lie in [0, {Vocabulary - 1}] but one is {given.masked_select(outside)[0].item<long>()}", nameof(tokens));

        using var rate = Rate.ToScalar();
        using var masks = MaskShare.ToScalar();
        using var changes = (MaskShare + RandomShare).ToScalar();
        var isSpecial = Table(_special).index_select(0, given.flatten()).view(given.shape);
        var chance = Uniform();
        if (_continues is not null && given.shape[1] > 0)
        {
            // A word's number is that of the starts up to it; all its pieces have the chance that stands at this number.
            var goesOn = Table(_continues).index_select(0, given.flatten()).view(given.shape).logical_and(isSpecial.logical_not());
            var before = cat([ones(given.shape[0], 1, dtype: ScalarType.Bool, device: device), isSpecial.narrow(1, 0, given.shape[1] - 1)], 1);
            var starts = goesOn.logical_not().logical_or(before);
            chance = chance.gather(1, starts.to(ScalarType.Int64).cumsum(1).sub(Scalars.OneIndex));
        }

        var selected = chance.lt(rate).logical_and(isSpecial.logical_not());
        var kind = Uniform();
        using var count = ((double)_ordinary.Length).ToScalar();
        using var last = ((long)_ordinary.Length - 1).ToScalar();
        var drawn = Uniform().mul(count).to(ScalarType.Int64).clamp_max(last);
        var random = tensor(_ordinary, device: device).index_select(0, drawn.flatten()).view(given.shape);
        using var mask = _maskToken.ToScalar();
        var shown = where(selected.logical_and(kind.ge(masks)).logical_and(kind.lt(changes)), random, given)
            .masked_fill(selected.logical_and(kind.lt(masks)), mask);
        using var ignored = MaskedWordLoss.IgnoredIndex.ToScalar();
        return new MaskedWords(
            shown.MoveToOuterDisposeScope(),
            given.masked_fill(selected.logical_not(), ignored).MoveToOuterDisposeScope(),
            selected.flatten().nonzero().squeeze(1).MoveToOuterDisposeScope());

        Tensor Uniform() => rand([given.shape[0], given.shape[1]], dtype: ScalarType.Float64, device: device, generator: generator);

        Tensor Table(bool[] values) => tensor(values, dtype: ScalarType.Bool, device: device);
    }
}

/// <summary>Texts with some words masked.</summary>
/// <remarks>The tensors belong to the surrounding dispose scope, if there is one; <see cref="Dispose"/> frees them at once.</remarks>
public sealed class MaskedWords : IDisposable
{
    internal MaskedWords(Tensor tokens, Tensor targets, Tensor positions) => (Tokens, Targets, Positions) = (tokens, targets, positions);

    /// <summary>(N, L) int64, the texts to show.</summary>
    public Tensor Tokens { get; }

    /// <summary>(N, L) int64, the tokens to tell; <see cref="MaskedWordLoss.IgnoredIndex"/> where there is nothing to tell.</summary>
    public Tensor Targets { get; }

    /// <summary>(P) int64, the selected positions, counted through all texts: n L + l.</summary>
    public Tensor Positions { get; }

    /// <summary>What stands at the selected positions, so that a head need not work out the others.</summary>
    /// <param name="values">(N, L) or (N, L, D).</param>
    /// <returns>(P) or (P, D).</returns>
    /// <exception cref="ArgumentException">The values are not of the texts' shape.</exception>
    public Tensor Select(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.dim() is not (2 or 3) || values.shape[0] != Tokens.shape[0] || values.shape[1] != Tokens.shape[1])
            throw new ArgumentException(
                $"values must have the shape ({Tokens.shape[0]}, {Tokens.shape[1]}) or ({Tokens.shape[0]}, {Tokens.shape[1]}, D) but have {Guard.Shape(values)}", nameof(values));
        using var flat = values.flatten(0, 1);
        return flat.index_select(0, Positions);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Tokens.Dispose();
        Targets.Dispose();
        Positions.Dispose();
    }
}
