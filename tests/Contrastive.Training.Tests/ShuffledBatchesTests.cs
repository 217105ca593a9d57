using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

public sealed class ShuffledBatchesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static long[] Take(ShuffledBatches batches)
    {
        using var ids = batches.Next();
        return ids.data<long>().ToArray();
    }

    [Fact]
    public void Each_epoch_has_every_item_at_most_once_in_an_order_of_its_own()
        => Gen.Select(Gen.Int[1, 30], Gen.Int[1, 30]).Where((items, size) => size <= items).Check(sizes =>
        {
            var (items, size) = sizes;
            using var random = new Generator(3);
            using var batches = new ShuffledBatches(items, size, random);
            for (var epoch = 0; epoch < 3; epoch++)
            {
                batches.Epoch.Should().Be(epoch);
                var ids = new List<long>();
                for (var step = 0; step < batches.StepsPerEpoch; step++)
                {
                    ids.AddRange(Take(batches));
                    batches.EndedEpoch.Should().Be(step == batches.StepsPerEpoch - 1);
                }

                ids.Should().HaveCount(items / size * size).And.OnlyHaveUniqueItems().And.OnlyContain(id => id >= 0 && id < items);
            }
        });

    [Fact]
    public void The_order_is_the_generators_and_changes_between_epochs()
    {
        using var random = new Generator(3);
        using var batches = new ShuffledBatches(20, 20, random);
        using var same = new Generator(3);
        long[] first = Take(batches), second = Take(batches);

        using var permutation = randperm(20, generator: same);
        first.Should().Equal(permutation.data<long>().ToArray());
        second.Should().NotEqual(first);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]   // within the first epoch
    [InlineData(3)]   // between two
    [InlineData(7)]
    public void Restored_anywhere_it_goes_on_with_the_very_next_batch(int taken)
    {
        using var random = new Generator(5);
        using var whole = new ShuffledBatches(10, 3, random);
        for (var i = 0; i < taken; i++) Take(whole);
        CheckpointFile.Save(_folder.Path("run.ckpt"), taken, new CheckpointParts().Module("batches", whole).Generator("order", random));
        var expected = Enumerable.Range(0, 8).Select(_ => Take(whole)).ToArray();

        using var other = new Generator(99);
        using var resumed = new ShuffledBatches(10, 3, other);
        Take(resumed);
        CheckpointFile.Open(_folder.Path("run.ckpt")).Restore(new CheckpointParts().Module("batches", resumed).Generator("order", other));

        resumed.Step.Should().Be(taken);
        Enumerable.Range(0, 8).Select(_ => Take(resumed)).Should().BeEquivalentTo(expected, options => options.WithStrictOrdering());
    }

    [Fact]
    public void The_state_of_batches_of_another_size_is_refused_and_changes_nothing()
    {
        using var random = new Generator(5);
        using var twos = new ShuffledBatches(12, 2, random);
        for (var i = 0; i < 4; i++) Take(twos);
        CheckpointFile.Save(_folder.Path("run.ckpt"), 4, new CheckpointParts().Module("batches", twos));

        using var threes = new ShuffledBatches(12, 3, random);
        FluentActions.Invoking(() => CheckpointFile.Open(_folder.Path("run.ckpt")).Restore(new CheckpointParts().Module("batches", threes)))
            .Should().Throw<InvalidDataException>().WithMessage("*'batches'*Int64(0,2)*Int64(0,3)*");
        threes.Step.Should().Be(0);
    }

    [Fact]
    public void An_epoch_ends_with_its_last_batch_and_not_before_the_first()
    {
        using var random = new Generator(5);
        using var batches = new ShuffledBatches(10, 3, random);
        batches.EndedEpoch.Should().BeFalse("nothing was taken");
        var ended = new List<bool>();
        for (var i = 0; i < 7; i++)
        {
            Take(batches);
            ended.Add(batches.EndedEpoch);
        }
        ended.Should().Equal(false, false, true, false, false, true, false);
        batches.Epoch.Should().Be(2);
    }

    [Fact]
    public void Batches_leave_no_tensor_behind()
    {
        using var random = new Generator(5);
        using var batches = new ShuffledBatches(10, 3, random);
        TensorCount.ShouldStay(() => Take(batches));
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        using var random = new Generator(5);
        Refuses(() => new ShuffledBatches(0, 1, random), "items must be at least 1 but is 0");
        Refuses(() => new ShuffledBatches(4, 5, random), "at most the 4 items but is 5");
        Refuses(() => new ShuffledBatches(4, 0, random), "batchSize");
        Refuses(() => new ShuffledBatches(4, 2, null!), "generator");
    }
}
