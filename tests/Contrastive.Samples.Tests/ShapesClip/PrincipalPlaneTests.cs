using Contrastive.Samples.ShapesClip;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class PrincipalPlaneTests
{
    [Fact]
    public void Points_in_a_plane_keep_their_distances_and_all_of_their_variance()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        var flat = randn([40, 2], ScalarType.Float64, generator: random) * tensor(new[] { 3.0, 1.0 });
        var (basis, _) = linalg.qr(randn([7, 7], ScalarType.Float64, generator: random));
        var points = flat.mm(basis.narrow(1, 0, 2).t()) + 5;

        var plane = PrincipalPlane.Of(points);

        (plane.FirstShare + plane.SecondShare).Should().BeApproximately(1, 1e-9);
        plane.FirstShare.Should().BeGreaterThan(plane.SecondShare);
        var at = plane.Project(points);
        at.Average(point => point.X).Should().BeApproximately(0, 1e-9);
        at.Average(point => point.Y).Should().BeApproximately(0, 1e-9);
        at.Average(point => point.X * point.Y).Should().BeApproximately(0, 1e-9, "the components are not correlated");
        for (var i = 1; i < at.Count; i++)
        {
            var expected = (flat[i] - flat[0]).norm().item<double>();
            Math.Sqrt(Math.Pow(at[i].X - at[0].X, 2) + Math.Pow(at[i].Y - at[0].Y, 2)).Should().BeApproximately(expected, 1e-9);
        }
    }

    [Fact]
    public void The_picture_does_not_turn_over_when_the_points_come_in_another_order()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(2);
        var points = randn([60, 5], ScalarType.Float64, generator: random);

        var (at, turned) = (PrincipalPlane.Of(points).Project(points), PrincipalPlane.Of(points.flip(0)).Project(points));

        for (var i = 0; i < at.Count; i++)
        {
            turned[i].X.Should().BeApproximately(at[i].X, 1e-9);
            turned[i].Y.Should().BeApproximately(at[i].Y, 1e-9);
        }
    }

    [Fact]
    public void Points_on_a_line_or_all_the_same_have_a_plane_too()
    {
        using var scope = NewDisposeScope();

        PrincipalPlane.Of(tensor(new double[,] { { 1 }, { 2 }, { 4 } })).Project(tensor(new double[,] { { 1 } }))[0].Y.Should().Be(0);
        var still = PrincipalPlane.Of(ones(4, 3));
        still.Project(ones(1, 3)).Should().Equal((0, 0));
        double.IsFinite(still.FirstShare).Should().BeTrue();
    }

    [Fact]
    public void Augmentations_on_the_bridge_are_as_far_along_and_as_scattered_as_they_were_put()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3);
        const int D = 4000;
        var images = nn.functional.normalize(randn([3, D], generator: random), dim: 1);
        var texts = nn.functional.normalize(randn([3, D], generator: random), dim: 1);
        var mean = nn.functional.normalize(images * 0.25 + texts * 0.75, dim: 1).unsqueeze(1);
        var scattered = mean + randn([3, 8, D], generator: random) * (0.02 * Math.Sqrt(0.25 * 0.75));

        var bridges = new Bridges(images, texts, scattered, null, Time: 0.25);

        bridges.Scale().Should().BeApproximately(0.02, 0.0005);
        bridges.Distance().Should().BeApproximately(0.02 * Math.Sqrt(0.25 * 0.75 * D), 0.02);
        new Bridges(images, texts, images.unsqueeze(1), null, 0.25).Along().Should().BeApproximately(0, 1e-6);
        new Bridges(images, texts, null, images.unsqueeze(1), 0.25).Along().Should().BeApproximately(1, 1e-6);

        var paths = bridges.Paths(5, [0, 0.5, 1], bridges.Scale(), random);
        paths.shape.Should().Equal(15, 3, D);
        for (var path = 0; path < 15; path++)
        {
            paths[path, 0].allclose(images[path / 5], atol: 1e-5).Should().BeTrue();
            paths[path, 2].allclose(texts[path / 5], atol: 1e-5).Should().BeTrue();
        }
    }
}
