using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

/// <summary>Features for the tests, and plain arithmetic on them.</summary>
internal static class Data
{
    public static Tensor Matrix(double[,] values, ScalarType type = ScalarType.Float64) => tensor(values).to_type(type);

    public static Tensor Normal(long rows, long columns, long seed, ScalarType type = ScalarType.Float64)
    {
        using var generator = new Generator((ulong)seed);
        return randn(rows, columns, dtype: ScalarType.Float64, generator: generator).to_type(type);
    }

    /// <summary>Entries from -2 to 2: many rows repeat, many scores tie, and dot products are exact.</summary>
    public static Gen<double[,]> Coarse(int rows, int columns)
        => Gen.Int[-2, 2].Select(value => (double)value).Array2D[rows, columns];

    /// <summary>Both hold <see cref="Coarse"/> entries exactly; what float32 leaves in doubt is worked out in float64.</summary>
    public static Gen<ScalarType> Types { get; } = Gen.Bool.Select(single => single ? ScalarType.Float32 : ScalarType.Float64);

    public static NeighborSimilarity[] Similarities { get; } = [SimilarityMeasure.Cosine, SimilarityMeasure.DotProduct, NeighborSimilarity.Euclidean];

    public static Generator Generator(int seed) => new((ulong)seed);

    public static SimilarityMeasure Measure(bool normalize) => normalize ? SimilarityMeasure.Cosine : SimilarityMeasure.DotProduct;

    public static double Dot(double[,] x, int i, double[,] y, int j)
        => Enumerable.Range(0, x.GetLength(1)).Sum(d => x[i, d] * y[j, d]);

    public static double Distance(double[,] x, int i, double[,] y, int j)
        => Math.Sqrt(Enumerable.Range(0, x.GetLength(1)).Sum(d => Math.Pow(x[i, d] - y[j, d], 2)));

    public static double[,] Unit(double[,] x)
    {
        var unit = (double[,])x.Clone();
        for (int i = 0; i < x.GetLength(0); i++)
        {
            double length = Math.Sqrt(Dot(x, i, x, i));
            for (int d = 0; d < x.GetLength(1) && length > 0; d++)
                unit[i, d] /= length;
        }

        return unit;
    }

    /// <summary>The same matrix, transposed and sliced out of a larger one.</summary>
    public static Tensor Strided(Tensor matrix)
    {
        var larger = zeros(matrix.shape[1] * 2, matrix.shape[0] + 3, dtype: matrix.dtype);
        var view = larger.slice(0, 0, matrix.shape[1] * 2, 2).narrow(1, 1, matrix.shape[0]).t();
        view.copy_(matrix);
        view.is_contiguous().Should().BeFalse();
        return view;
    }

    /// <summary>The tensors that an action leaves behind, the first time aside.</summary>
    public static long LeftBehind(Action action)
    {
        action();
        return TensorCount.Left(action);
    }
}
