using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Tests;

/// <summary>What a rank of a ring holds does not grow with the number of ranks: candidates that were passed on are let go.</summary>
public class RingMemoryTests
{
    [Theory]
    [InlineData(ContrastMode.OneDirection)]
    [InlineData(ContrastMode.Symmetric)]
    [InlineData(ContrastMode.TwoViews)]
    public void It_holds_as_many_tensors_of_three_ranks_as_of_seven(ContrastMode mode)
        => MostAtAShift(7, mode).Should().Be(MostAtAShift(3, mode), "rows that went round are held no longer");

    /// <summary>The most tensors that a rank held when it passed something on.</summary>
    private static long MostAtAShift(int size, ContrastMode mode)
    {
        var meeting = new ThreadMeeting(size, TimeSpan.FromMinutes(1));
        var ranks = Enumerable.Range(0, size).Select(rank => new WatchedRank(rank, size, meeting)).ToArray();
        foreach (var rank in ranks)
        {
            new Thread(() =>
            {
                try
                {
                    using var scope = NewDisposeScope();
                    using var loss = new GammaContrastiveLoss(new BatchPartition(), Temperature.Fixed(0.5), mode);
                    new DistributedLoss(loss, rank, Exchange.Ring).Evaluate(Draw.Leaf(rank.Rank, 2, 3), Draw.Leaf(9 + rank.Rank, 2, 3)).Loss.backward();
                    meeting.End(rank.Rank);
                }
                catch (Exception exception)
                {
                    meeting.Fail(rank.Rank, exception);
                }
            }).Start();
        }
        meeting.WaitForAll();
        return ranks.Max(rank => rank.Most);
    }

    private sealed class WatchedRank(int rank, int size, ThreadMeeting meeting) : ThreadRank(rank, size, meeting)
    {
        public long Most { get; private set; }

        private protected override void PassOn(Tensor rows, Tensor before)
        {
            Most = Math.Max(Most, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
            base.PassOn(rows, before);
        }
    }
}
