using Contrastive.Samples.ShapesClip.Models;
using static TorchSharp.torch;

namespace Contrastive.Samples.ShapesClip.Data;

/// <summary>What a run trains on: numbered pictures, each with its captions.</summary>
internal interface ITrainingPairs
{
    CaptionTokenizer Tokenizer { get; }

    /// <summary>S, pixels a side.</summary>
    int Side { get; }

    /// <summary>How many pictures there are.</summary>
    long Items { get; }

    /// <summary>Whether the captions' words are those of <see cref="Attributes"/>, whose synonyms are known.</summary>
    bool HasSynonyms { get; }

    /// <summary>Some pictures with a caption of each.</summary>
    /// <param name="items">(B) numbers of pictures.</param>
    /// <param name="random">Draws which caption, where a picture has several.</param>
    /// <returns>Bytes (B, 3, S, S) and token ids (B, L).</returns>
    (Tensor Images, Tensor Tokens) Take(Tensor items, Generator random);
}
