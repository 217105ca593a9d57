using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

/// <summary>What the peers' own code gave, run as it is in float64 on features made of sines (as Contrastive.Tests' PeerTests).</summary>
internal static class PeerFigures
{
    private const double Tolerance = 1e-10;

    public static Tensor Rows(int count, double phase)
    {
        var numbers = new double[count, 3];
        for (var i = 0; i < count; i++)
            for (var j = 0; j < 3; j++)
                numbers[i, j] = Math.Sin((1.3 * i * i) + (2.1 * j * (i + 1)) + phase);
        return tensor(numbers).requires_grad_();
    }

    /// <summary>The value, and of each input the first six numbers of the gradient and its norm.</summary>
    public static void Check(Tensor value, Tensor[] inputs, double expected, params double[][] gradients)
    {
        value.item<double>().Should().BeApproximately(expected, Tolerance);
        foreach (var (gradient, numbers) in Gradients.Of(value, inputs).Zip(gradients))
        {
            gradient.view(-1)[..6].data<double>().ToArray().Should().Equal(numbers[..6], (x, y) => Math.Abs(x - y) < Tolerance);
            gradient.norm().item<double>().Should().BeApproximately(numbers[6], Tolerance);
        }
    }
}
