namespace Contrastive.Evaluation;

/// <summary>A statistic of groups of items, for the bootstrap.</summary>
internal interface IResampled
{
    int Groups { get; }

    /// <summary>The statistic of the groups drawn, some of them repeatedly.</summary>
    double Of(int[] drawn);

    /// <summary>The statistic of all groups but one.</summary>
    double Without(int group);
}
