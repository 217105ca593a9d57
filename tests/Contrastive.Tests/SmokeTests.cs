using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Tests;

public class SmokeTests
{
    [Fact]
    public void Everything_runs()
    {
        using var scope = NewDisposeScope();
        using var g = new Generator(1);
        var a = randn([6, 4], dtype: ScalarType.Float64, generator: g).requires_grad_();
        var b = randn([6, 4], dtype: ScalarType.Float64, generator: g).requires_grad_();
        var ids = arange(6);
        using var info = new InfoNCELoss(mode: ContrastMode.Symmetric);
        using var gamma = new GammaContrastiveLoss(new BatchPartition(), symmetric: true);
        using var table = new GammaContrastiveLoss(new PartitionTable(10), symmetric: true, eStep: EStep.Sampled, generator: g);
        using var queue = new GammaContrastiveLoss(new PartitionQueue(10, 4), symmetric: true);
        var x = info.forward(a, b);
        x.backward();
        var ga = a.grad!.clone();
        a.grad.zero_();
        var r = gamma.Evaluate(a, b);
        r.Loss.backward();
        Console.WriteLine($"{x.item<double>()} {r.Objective.item<double>()} {(a.grad - ga).abs().max().item<double>()}");
        r.Objective.item<double>().Should().BeApproximately(x.item<double>(), 1e-12);
        (a.grad - ga).abs().max().item<double>().Should().BeLessThan(1e-12);
        for (var i = 0; i < 3; i++)
        {
            var t = table.Evaluate(a, b, ids);
            var q = queue.Evaluate(a, b, ids);
            Console.WriteLine($"{t.Loss.item<double>()} {t.Objective.item<double>()} {q.Loss.item<double>()} {q.Objective.item<double>()}");
        }
        foreach (var (k, v) in table.state_dict()) Console.WriteLine(k + " " + string.Join(",", v.shape));
        table.to(ScalarType.Float64);
        var est = (PartitionTable)table.Estimator;
        est.LogPartition.dtype.Should().Be(ScalarType.Float64);
        torch.nn.functional.info_nce(a, b, temperature: 0.2).item<double>().Should().BeGreaterThan(0);
    }
}
