using static TorchSharp.torch;

namespace Contrastive.Tests.Losses;

/// <summary>Nothing is left to the garbage collector.</summary>
public class LeftBehindTests
{
    [Fact]
    public void Scaling_leaves_no_tensor()
    {
        using var features = Draw.Leaf(1, 4, 3);
        using var half = features.detach().to(ScalarType.Float16);
        foreach (var temperature in new[] { Temperature.Fixed(0.3), Temperature.Learned(0.3) })
        {
            using (temperature)
            {
                TensorCount.ShouldStay(() =>
                {
                    temperature.Scale(features).Dispose();
                    temperature.Scale(half).Dispose();
                    _ = temperature.Value;
                    FluentActions.Invoking(() => temperature.Scale(null!)).Should().Throw<ArgumentNullException>();
                });
            }
        }
    }

    [Fact]
    public void The_functional_form_leaves_no_module()
    {
        using var a = Draw.Normal(1, 4, 3);
        using var b = Draw.Normal(2, 4, 3);
        // TorchSharp's modules leave objects to be finalised even where they are disposed: fewer.
        var disposed = Finalised(() => Temperature.Fixed(0.1).Dispose());
        Finalised(() => _ = Temperature.Fixed(0.1)).Should().BeGreaterThan(disposed + Calls, "this is how a module is seen that nobody disposes");

        var byHand = Finalised(() =>
        {
            using var temperature = Temperature.Fixed(0.1);
            using var loss = new InfoNCELoss(temperature);
            loss.forward(a, b).Dispose();
        });
        Finalised(() => nn.functional.info_nce(a, b).Dispose()).Should().BeLessThan(byHand + Calls);
        var withNegatives = Finalised(() =>
        {
            using var temperature = Temperature.Fixed(0.1);
            using var loss = new InfoNCELoss(temperature);
            using var result = loss.EvaluateNegatives(a, b, b);
        });
        Finalised(() => nn.functional.info_nce(a, b, b).Dispose()).Should().BeLessThan(withNegatives + Calls);
    }

    private const int Calls = 50;

    /// <summary>How many objects wait for their finalisers after some calls.</summary>
    private static long Finalised(Action call)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        for (var i = 0; i < Calls; i++) call();
        GC.Collect();
        var pending = GC.GetGCMemoryInfo(GCKind.Any).FinalizationPendingCount;
        GC.WaitForPendingFinalizers();
        return pending;
    }
}
