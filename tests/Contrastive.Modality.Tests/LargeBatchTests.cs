using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

public class LargeBatchTests
{
    [Fact]
    public void Modality_losses_of_many_feature_matrices_train_in_micro_batches()
    {
        const long count = 11, microBatch = 4;
        using var scope = NewDisposeScope();
        using var first = Tower(1);
        using var second = Tower(2);
        using var contrast = new MultimodalContrastiveLoss(
            new GammaContrastiveLoss(new PartitionTable(count, dtype: ScalarType.Float64), Temperature.Fixed(0.3), ContrastMode.Symmetric));
        using var geometry = new GeometricConsistencyLoss();
        var (v, t, ids) = (Draw.Normal(3, count, 5), Draw.Normal(4, count, 5), arange(count, dtype: ScalarType.Int64));

        manual_seed(1);
        var parts = new[] { (0L, 4L), (4, 4), (8, 3) }.Select(part => Encode(part.Item1, part.Item2)).ToArray();
        var expected = Loss([.. Enumerable.Range(0, 4).Select(k => cat([.. parts.Select(part => part[k])]))]);
        expected.backward();
        var gradients = Gradients();
        var state = Saved.Of(contrast);

        first.zero_grad();
        second.zero_grad();
        foreach (var buffer in contrast.buffers()) buffer.zero_();
        manual_seed(1);
        var value = new LargeBatchStep(microBatch, [first, second]).Backward(count, Encode, Loss);
        value.ShouldEqual(expected, 1e-12);
        foreach (var (actual, gradient) in Gradients().Zip(gradients)) actual.ShouldEqual(gradient, 1e-12);
        Saved.Of(contrast).Should().Equal(state, "the estimators move once");

        // Features and those of an augmentation, by dropout, of two modalities.
        Tensor[] Encode(long start, long rows)
        {
            var (x, y) = (v.narrow(0, start, rows), t.narrow(0, start, rows));
            return [first.forward(x), first.forward(x), second.forward(y), second.forward(y)];
        }

        Tensor Loss(Tensor[] features)
        {
            var (a, b) = (new ModalityFeatures(features[0], features[1]), new ModalityFeatures(features[2], features[3]));
            return contrast.Evaluate(a, b, ids).Loss + geometry.Evaluate(a, b).Loss;
        }

        Tensor[] Gradients() => [.. first.parameters().Concat(second.parameters()).Select(parameter => parameter.grad!.clone())];
    }

    private static TorchSharp.Modules.Sequential Tower(int seed)
    {
        var tower = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.3), nn.Tanh(), nn.Linear(8, 4), nn.Dropout(0.2));
        tower.to(ScalarType.Float64);
        using var constant = no_grad();
        foreach (var parameter in tower.parameters()) parameter.copy_(Draw.Normal(seed++, parameter.shape));
        return tower;
    }
}
