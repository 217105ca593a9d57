using static TorchSharp.torch;

namespace Contrastive.Tests.Pairs;

public class PairMapTests
{
    [Fact]
    public void A_map_says_of_every_pair_what_it_was_made_to_say()
        => PairCase.Any.Check(make =>
        {
            var pairs = make();
            Kinds(pairs.Map).Should().BeEquivalentTo(pairs.Kinds, pairs.Name);
            var transposed = pairs.Transpose();
            Kinds(transposed.Map).Should().BeEquivalentTo(transposed.Kinds, transposed.Name);
        });

    [Fact]
    public void Blocks_tile_the_map_and_its_bias_in_both_directions()
        => PairCase.Any.Check(make =>
        {
            var given = make();
            foreach (var pairs in new[] { given, given.Transpose() })
            {
                var whole = Bias(pairs.Map, new PairBlock(0, pairs.Anchors, 0, pairs.Candidates));
                for (var i = 0; i < pairs.Anchors; i += 2)
                {
                    for (var j = 0; j < pairs.Candidates; j += 3)
                    {
                        var (rows, columns) = (Math.Min(2, pairs.Anchors - i), Math.Min(3, pairs.Candidates - j));
                        var block = pairs.Map.Block(i, rows, j, columns);
                        for (var r = 0; r < rows; r++)
                            for (var c = 0; c < columns; c++)
                                Kinds(block)[r, c].Should().Be(pairs.Kinds[i + r, j + c], pairs.Name);
                        var expected = whole.narrow(0, i, rows).narrow(1, j, columns);
                        Bias(block, new PairBlock(0, rows, 0, columns)).ShouldEqual(expected);
                        Bias(pairs.Map, new PairBlock(i, rows, j, columns)).ShouldEqual(expected);
                    }
                }
            }
        });

    [Fact]
    public void A_map_made_of_diagonals_is_known_as_one_and_says_the_same_in_any_block()
        => PairCase.Any.Check(make =>
        {
            var given = make();
            foreach (var pairs in new[] { given, given.Transpose() })
            {
                var first = (Row: pairs.Anchors / 2, Column: pairs.Candidates / 3);
                var block = pairs.Map.Block(first.Row, pairs.Anchors - first.Row, first.Column, pairs.Candidates - first.Column);
                if (block.Diagonals(PositiveSampling.Complete) is not { } pattern) continue;
                using var tile = zeros(block.AnchorCount, block.CandidateCount, dtype: ScalarType.Float64);
                pattern.Mask_(tile, new PairBlock(0, block.AnchorCount, 0, block.CandidateCount));
                for (long i = 0; i < block.AnchorCount; i++)
                {
                    for (long j = 0; j < block.CandidateCount; j++)
                    {
                        var expected = pattern.Positives.Contains(j - i) ? PairKind.Positive
                            : double.IsNegativeInfinity(tile[i, j].item<double>()) ? PairKind.Excluded
                            : PairKind.Negative;
                        pairs.Kinds[first.Row + i, first.Column + j].Should().Be(expected, pairs.Name);
                    }
                }
            }
        });

    [Fact]
    public void What_needs_no_masks_takes_none()
    {
        using var scope = NewDisposeScope();
        foreach (var sampling in Enum.GetValues<PositiveSampling>())
        {
            PairMap.Diagonal(6).Diagonals(sampling)!.Positives.Should().Equal(0);
            PairMap.Diagonal(6).Block(2, 2, 1, 4).Diagonals(sampling)!.Positives.Should().Equal(1);
            PairMap.Negatives(2, 3).Diagonals(sampling)!.Positives.Should().BeEmpty();
            PairMap.Diagonal(6).ExcludeSelf().Diagonals(sampling).Should().BeNull("the positives are excluded");
            PairMap.FromLabels(arange(3)).Diagonals(sampling).Should().BeNull();
            PairMap.Diagonal(3).WithSampleIds(arange(3)).Diagonals(sampling)!.Others.Should().BeNull("each sample is there once");
            var repeated = tensor(new[] { 4L, 7, 4, 7, 4 });
            var few = PairMap.Diagonal(5).WithSampleIds(repeated).Diagonals(sampling)!;
            few.Others!.CountByAnchor(5).Should().Equal(2, 1, 2, 1, 2);
            few.Block(1, 3, 2, 2).Others!.CountByAnchor(3).Should().Equal([1, 0, 0], "of the repeated pairs (1, 3) alone is inside");
            few.Count(new PairBlock(0, 5, 0, 5), zeros(1)).Negatives.data<float>().Should().Equal(2, 3, 2, 3, 2);
            PairMap.Diagonal(5).WithSampleIds(zeros(5, dtype: ScalarType.Int64)).Diagonals(sampling)!.IsSinglePositive(new PairBlock(0, 5, 0, 5))
                .Should().BeFalse("nobody has a negative");
            PairMap.Diagonal(40).WithSampleIds(zeros(40, dtype: ScalarType.Int64)).Diagonals(sampling).Should().BeNull("39 pairs a row are no list");
            PairMap.Diagonal(3).Exclude(zeros(3, 3, dtype: ScalarType.Bool)).Diagonals(sampling).Should().BeNull();
        }
        var views = PairMap.TwoViews(3).Diagonals(PositiveSampling.Complete)!;
        views.Positives.Should().BeEquivalentTo([3, -3]);
        views.Excluded.Should().Equal(0);
        PairMap.TwoViews(3).Diagonals(PositiveSampling.Sampled).Should().BeNull("the positives are no anchor's own pair");
    }

    [Fact]
    public void What_a_map_is_made_of_decides_the_path()
    {
        using var scope = NewDisposeScope();
        var (ids, bias, mask) = (arange(3), zeros(3), zeros(3, 3, dtype: ScalarType.Bool));
        var diagonal = PairMap.Diagonal(3);
        diagonal.IsDiagonal.Should().BeTrue();
        diagonal.WithLogitBias(bias).IsDiagonal.Should().BeTrue("a bias changes no pair");
        foreach (var more in new[] { diagonal.ExcludeSelf(), diagonal.WithSampleIds(ids), PairMap.Negatives(3, 3) })
            more.IsDiagonal.Should().BeFalse();

        var labels = PairMap.FromLabels(ids);
        foreach (var alone in new[] { labels, PairMap.FromLabels(ids, arange(4)) })
            alone.IsLabelsAlone.Should().BeTrue();
        foreach (var more in new[] { labels.WithSampleIds(ids), labels.WithLogitBias(bias), labels.Exclude(mask), labels.Block(0, 2, 0, 3), diagonal })
            more.IsLabelsAlone.Should().BeFalse();

        PairMap.Diagonal(6).Block(1, 2, 3, 3).PositiveDiagonals.Should().Equal(-2);
        PairMap.TwoViews(3).Block(2, 2, 1, 4).PositiveDiagonals.Should().Equal(4, -2);

        // Each pair of two lists of samples once, where they share some.
        var both = PairMap.Diagonal(4).WithSampleIds(tensor(new[] { 1L, 1, 2, 3 })).WithSampleIds(tensor(new[] { 1L, 1, 2, 2 }));
        both.Diagonals(PositiveSampling.Complete)!.Others!.CountByAnchor(4).Should().Equal(1, 1, 1, 1);
    }

    [Fact]
    public void Targets_say_the_same_the_other_way_round()
    {
        using var scope = NewDisposeScope();
        var targets = tensor(new[,] { { 0.5, 0.5, 0 }, { 0, 0.25, 0.75 } });
        var map = PairMap.FromTargets(targets);
        var kinds = Kinds(map);
        var transposed = Kinds(map.Transpose());
        for (var i = 0; i < 2; i++)
        {
            for (var j = 0; j < 3; j++)
            {
                kinds[i, j].Should().Be(targets[i, j].item<double>() > 0 ? PairKind.Positive : PairKind.Negative);
                transposed[j, i].Should().Be(kinds[i, j]);
            }
        }

        Kinds(map.Transpose().Transpose()).Should().BeEquivalentTo(kinds);
    }

    [Fact]
    public void Targets_may_miss_1_by_what_rounding_of_their_type_makes()
    {
        using var scope = NewDisposeScope();
        foreach (var (type, miss, isAllowed) in new[]
        {
            (ScalarType.Float16, 0.02, true), (ScalarType.BFloat16, 0.02, true), (ScalarType.Float32, 0.02, false), (ScalarType.Float64, 0.02, false),
            (ScalarType.Float16, 0.2, false), (ScalarType.Float32, 1e-4, true), (ScalarType.Float64, 1e-4, true),
        })
        {
            var making = FluentActions.Invoking(() => PairMap.FromTargets(tensor(new[,] { { 0.5, 0.5 + miss }, { 1, 0 } }).to(type)));
            if (isAllowed) making.Should().NotThrow($"{type} {miss}");
            else making.Should().Throw<ArgumentException>().WithMessage("targets must be probabilities*row 0*");
        }
    }

    [Fact]
    public void Bad_maps_are_refused_with_both_values()
    {
        using var scope = NewDisposeScope();
        var map = PairMap.Diagonal(3);
        Refuses(() => PairMap.Diagonal(0), "count must be at least 1 but is 0");
        Refuses(() => PairMap.TwoViews(0), "count must be at least 1 but is 0");
        Refuses(() => PairMap.Negatives(2, 0), "candidates must be at least 1 but is 0");
        Refuses(() => PairMap.FromMask(ones(2, 3)), "positives must be bool but is Float32");
        Refuses(() => PairMap.FromMask(ones(2, dtype: ScalarType.Bool)), "positives must have the shape (N, M) but has (2)");
        Refuses(() => PairMap.FromLabels(ones(2)), "must be integers but are Float32");
        Refuses(() => map.Exclude(ones(3, 4, dtype: ScalarType.Bool)), "pairs must have the shape (3, 3) but has (3, 4)");
        Refuses(() => map.WithSampleIds(arange(4)), "must have the shape (3) but have (4)");
        Refuses(() => map.WithLogitBias(zeros(2)), "bias must have the shape (3) or (3, 3) but has (2)");
        Refuses(() => map.Block(1, 3, 0, 3), "anchors must lie in [1, 2] but is 3");
        Refuses(() => map.Block(3, 1, 0, 3), "firstAnchor must lie in [0, 2] but is 3");
        Refuses(() => map.Block(0, 3, -1, 2), "firstCandidate must lie in [0, 2] but is -1");
        Refuses(() => map.Block(0, 3, 1, 0), "candidates must lie in [1, 2] but is 0");
        Refuses(() => PairMap.FromLabels(arange(4).view(2, 2)), "labels must have the shape (N) but have (2, 2)");
        Refuses(() => map.Exclude(ones(3, dtype: ScalarType.Bool)), "pairs must have the shape (3, 3) but has (3)");
        Refuses(() => map.Exclude(ones(2, 3, dtype: ScalarType.Bool)), "pairs must have the shape (3, 3) but has (2, 3)");
        Refuses(() => map.WithSampleIds(arange(3).view(3, 1)), "must have the shape (3) but have (3, 1)");
        Refuses(() => PairMap.FromLabels(arange(4).view(2, 2), arange(4)), "anchorLabels must have the shape (N) but have (2, 2)");
        Refuses(() => PairMap.FromLabels(arange(4), arange(4).view(2, 2)), "candidateLabels must have the shape (N) but have (2, 2)");
        var labels = arange(3);
        Refuses(() => PairMap.FromLabels(labels, labels), "anchorLabels and candidateLabels are one tensor");
        Refuses(() => map.WithLogitBias(arange(3)), "bias must be float16, bfloat16, float32 or float64 but is Int64");
        Refuses(() => map.WithLogitBias(zeros(3, 2)), "bias must have the shape (3) or (3, 3) but has (3, 2)");
        Refuses(() => map.WithLogitBias(zeros(2, 3)), "bias must have the shape (3) or (3, 3) but has (2, 3)");
        Refuses(() => map.WithLogitBias(zeros(3, 3, 1)), "bias must have the shape (3) or (3, 3) but has (3, 3, 1)");
        var targets = tensor(new[,] { { 0.5, 0.5, 0 }, { 0.25, 0.25, 0.5 } });
        Refuses(() => PairMap.FromTargets(targets, targets), "candidateTargets must have the shape (3, 2) but have (2, 3)");
        Refuses(() => PairMap.FromTargets(targets, full(3, 3, 1.0 / 3, dtype: ScalarType.Float64)), "candidateTargets must have the shape (3, 2) but have (3, 3)");
        Refuses(() => PairMap.FromTargets(targets, full(2, 2, 0.5, dtype: ScalarType.Float64)), "candidateTargets must have the shape (3, 2) but have (2, 2)");
        Refuses(() => PairMap.FromTargets(targets, ones(3, 2, dtype: ScalarType.Float64)), "candidateTargets must be probabilities whose rows add up to 1 but row 0 adds up to 2");
        var elsewhere = map.Exclude(zeros(3, 3, dtype: ScalarType.Bool)).Exclude(zeros(3, 3, dtype: ScalarType.Bool, device: META));
        Refuses(() => elsewhere.CheckDevice(zeros(3, 2), "anchors"), "anchors are on cpu but pairs are on meta");
        FluentActions.Invoking(() => PairMap.Negatives(2, 3).ExcludeSelf()).Should().Throw<InvalidOperationException>().WithMessage("*2 anchors and 3 candidates*");
        FluentActions.Invoking(() => map.Block(1, 2, 1, 2).WithSampleIds(arange(2))).Should().Throw<InvalidOperationException>().WithMessage("complete the pair map*");
        FluentActions.Invoking(() => map.Block(1, 2, 1, 2).WithLogitBias(zeros(2))).Should().Throw<InvalidOperationException>();
        FluentActions.Invoking(() => map.WithWeights(ones(3)).Block(0, 3, 0, 2).WithWeights(ones(3)).WeightsOfCandidates(ScalarType.Float32))
            .Should().Throw<ArgumentException>().WithMessage("the other direction of a symmetric loss weighs the candidates*candidateWeights*");
        FluentActions.Invoking(() => PairMap.FromLabels(null!)).Should().Throw<ArgumentNullException>();
    }

    private static Tensor Bias(PairMap map, PairBlock part)
    {
        var bias = zeros(part.Anchors, part.Candidates, dtype: ScalarType.Float64);
        map.AddBias(bias, part);
        return bias;
    }

    private static PairKind[,] Kinds(PairMap map)
    {
        var (positive, _, negative) = map.Masks(new PairBlock(0, map.AnchorCount, 0, map.CandidateCount), PositiveSampling.Complete, CPU);
        var kinds = new PairKind[map.AnchorCount, map.CandidateCount];
        for (var i = 0; i < map.AnchorCount; i++)
        {
            for (var j = 0; j < map.CandidateCount; j++)
            {
                kinds[i, j] = positive[i, j].item<bool>() ? PairKind.Positive
                    : negative[i, j].item<bool>() ? PairKind.Negative
                    : PairKind.Excluded;
            }
        }
        return kinds;
    }
}
