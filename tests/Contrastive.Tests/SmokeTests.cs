using TorchSharp;

namespace Contrastive.Tests;

public class SmokeTests
{
    [Fact]
    public void TorchSharp_loads()
    {
        using var x = torch.ones(2, 3, dtype: torch.float64);
        x.sum().item<double>().Should().Be(6);
    }
}
