using MathNet.Numerics.Distributions;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.Random;
using static TorchSharp.torch;

namespace Contrastive.Samples.GradientBias;

/// <summary>
/// N pairs of vectors: x_i standard normal, y_i = (x_i + ε_i) A with A a rotation and ε_i normal noise, small in most pairs
/// and large in one of ten, as pairs collected from the web are. Anchors are the x_i as they are (a tower that is frozen),
/// candidates the y_i W: the linear encoder W, D × D, is what is trained.
/// </summary>
/// <remarks>
/// The pairs that fit badly are what makes the bias cost something. With a few candidates a pair that fits is soon told from
/// all of them, its gradient vanishes, and the encoder goes on to serve the pairs that never will fit; among all N candidates
/// there is still much to gain from the good pairs.
/// </remarks>
/// <param name="X">(N, D).</param>
/// <param name="Y">(N, D).</param>
internal sealed record SyntheticProblem(double[,] X, double[,] Y)
{
    public const int Pairs = 256;
    public const int Dimensions = 4;
    public const double Temperature = 0.07;
    public const double Noise = 0.1;
    public const double LargeNoise = 2.0;
    public const int LargeNoiseEvery = 10;

    public static SyntheticProblem Generate(int seed)
    {
        var random = new MersenneTwister(seed);
        var rotation = Matrix<double>.Build.Random(Dimensions, Dimensions, new Normal(0, 1, random)).QR().Q;
        var x = Matrix<double>.Build.Random(Pairs, Dimensions, new Normal(0, 1, random));
        var noise = Matrix<double>.Build.Random(Pairs, Dimensions, new Normal(0, 1, random));
        for (var i = 0; i < Pairs; i++)
            noise.SetRow(i, noise.Row(i) * (i % LargeNoiseEvery == 0 ? LargeNoise : Noise));
        return new SyntheticProblem(x.ToArray(), ((x + noise) * rotation).ToArray());
    }

    /// <summary>X and Y as tensors (N, D).</summary>
    public (Tensor Anchors, Tensor Inputs) Tensors(ScalarType dtype) => (tensor(X, dtype), tensor(Y, dtype));
}
