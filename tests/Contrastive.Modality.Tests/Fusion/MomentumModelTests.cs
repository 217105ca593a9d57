using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

public class MomentumModelTests
{
    [Fact]
    public void Several_modules_follow_by_one_call_as_each_would_alone()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (nn.Linear(3, 2), nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)));
        var (twinA, twinB) = (nn.Linear(3, 2), nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)));
        using var model = new MomentumModel(0.9, ("a", a, twinA), ("b", b, twinB));
        using var alone = new MomentumEncoder<nn.Module>(a, nn.Linear(3, 2), 0.9);
        twinA.weight!.IsSameAs(a.weight!).Should().BeTrue("it starts equal");
        using (no_grad())
        {
            foreach (var parameter in a.parameters().Concat(b.parameters())) parameter.add_(1);
        }
        var before = b.parameters().First() - 1;
        model.Update();
        alone.Update();
        Saved.Of(model.Encoder<nn.Module>("a")).Should().Equal(Saved.Of(alone.Encoder));
        model.Encoder<TorchSharp.Modules.Sequential>("b").parameters().First().ShouldEqual(before + 0.1, 1e-6);
        model.parameters().Should().OnlyContain(parameter => !parameter.requires_grad).And.HaveCount(6);
        model.Names.Should().Equal("a", "b");
        model.Invoking(m => m.Encoder<nn.Module>("c")).Should().Throw<KeyNotFoundException>().WithMessage("there is no part 'c' among a, b");

        using var resumed = new MomentumModel(0.9, ("a", a, nn.Linear(3, 2)), ("b", b, nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))));
        Saved.Into(resumed, Saved.Of(model));
        model.Update();
        resumed.Update();
        Saved.Of(resumed).Should().Equal(Saved.Of(model));
        TensorCount.ShouldStay(model.Update);
    }

    [Fact]
    public void An_update_moves_all_parts_or_none()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (nn.Linear(3, 2), nn.Linear(2, 2));
        using var model = new MomentumModel(0.9, ("a", a, nn.Linear(3, 2)), ("b", b, nn.Linear(2, 2)));
        model.Encoder<nn.Module>("b").to(ScalarType.BFloat16);
        using (no_grad()) a.weight!.add_(1);
        var before = Saved.Of(model);
        model.Invoking(m => m.Update()).Should().Throw<InvalidOperationException>().WithMessage("'weight' was converted to BFloat16*");
        Saved.Of(model).Should().Equal(before);
    }

    [Fact]
    public void Parts_that_do_not_fit_are_refused()
    {
        using var scope = NewDisposeScope();
        var (online, twin) = (nn.Linear(3, 2), nn.Linear(3, 2));
        Refuses(() => new MomentumModel(0.9), "parts are empty");
        Refuses(() => new MomentumModel(1.5, ("a", online, twin)), "momentum must lie in [0, 1] but is 1.5");
        Refuses(() => new MomentumModel(0.9, ("a.b", online, twin)), "the name 'a.b' has a dot");
        Refuses(() => new MomentumModel(0.9, ("a", online, twin), ("a", nn.Linear(2, 2), nn.Linear(2, 2))), "two parts are named 'a'");
        Refuses(() => new MomentumModel(0.9, ("a", online, twin), ("b", nn.Linear(3, 2), twin)), "the twin of 'b' shares 'weight' with the twin of 'a'");
        Refuses(() => new MomentumModel(0.9, ("a", online, twin), ("b", nn.Linear(3, 2), online)), "the twin of 'b' shares 'weight' with the trained 'a'");
        Refuses(() => new MomentumModel(0.9, ("a", online, nn.Linear(3, 4))), "'weight' is (2, 3) in online but (4, 3) in twin");
    }
}
