namespace Contrastive.Benchmarks.Memory;

/// <summary>a B² + b B: the memory of a form that keeps whole matrices of pairs, known from two smaller batches.</summary>
internal sealed record QuadraticGrowth(double Quadratic, double Linear)
{
    public static QuadraticGrowth Through((double Batch, double Value) small, (double Batch, double Value) large)
    {
        // value / batch is a line in the batch.
        var (low, high) = (small.Value / small.Batch, large.Value / large.Batch);
        var quadratic = (high - low) / (large.Batch - small.Batch);
        return new QuadraticGrowth(quadratic, low - (quadratic * small.Batch));
    }

    public double At(double batch) => (Quadratic * batch * batch) + (Linear * batch);
}
