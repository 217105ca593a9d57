namespace Contrastive.Training.Tests;

public class TemporaryScalarTests
{
    [Fact]
    public void No_method_of_TorchSharp_that_the_library_calls_makes_one()
        => TemporaryScalars.ShouldNotBeMadeBy(typeof(LargeBatchStep).Assembly);
}
