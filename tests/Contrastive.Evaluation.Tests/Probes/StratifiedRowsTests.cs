using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class StratifiedRowsTests
{
    [Fact]
    public void Splits_respect_classes_whatever_their_sizes()
        => Gen.Select(Gen.Long[-2, 3].Array[2, 40], Gen.Double[0.05, 0.95], Gen.Int[1, 6], Gen.Int[0, 1000])
            .Check(
                drawn =>
                {
                    var (labels, share, folds, seed) = drawn;
                    using var generator = new Generator((ulong)seed);
                    var classes = ClassLabels.Of(tensor(labels));
                    long[] order = StratifiedRows.Shuffled(labels.Length, generator);
                    order.Order().Should().Equal(Enumerable.Range(0, labels.Length).Select(row => (long)row));
                    int Members(long[] rows, long label) => rows.Count(row => labels[row] == label);

                    var held = StratifiedRows.HoldOut(order, classes, share);
                    held.Length.Should().Be(labels.Distinct().Count() == labels.Length ? 0 : 1);
                    var dealt = StratifiedRows.Folds(order, classes, folds);
                    foreach (var split in held.Concat(folds == 1 ? [] : dealt))
                    {
                        split.Fit.Concat(split.Validation).Order().Should().Equal(order.Order());
                        foreach (long label in labels.Distinct())
                            Members(split.Fit, label).Should().BeGreaterThan(0);
                    }

                    foreach (var group in labels.GroupBy(label => label).Where(group => group.Count() > 1))
                    {
                        int n = group.Count();
                        Members(held[0].Validation, group.Key).Should().Be(Math.Clamp((int)Math.Round(share * n), 1, n - 1));
                        dealt.Sum(split => Members(split.Validation, group.Key)).Should().Be(n);
                        dealt.Max(split => Members(split.Validation, group.Key)).Should().Be(((n - 1) / folds) + 1);
                    }

                    StratifiedRows.Take(order, classes, 2).Should().OnlyHaveUniqueItems();
                    foreach (var group in labels.GroupBy(label => label))
                        Members(StratifiedRows.Take(order, classes, 2), group.Key).Should().Be(Math.Min(2, group.Count()));
                },
                200);
}
