using Contrastive.Samples.ShapesClip.Data;
using Contrastive.Samples.ShapesClip.Models;

namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>What an experiment trains on and what it measures: drawn shapes, or the user's pictures.</summary>
internal interface IExperimentTask<TData, TResult>
    where TData : ITrainingPairs, IDisposable
    where TResult : class
{
    /// <summary>How many items the runs train on, whatever the seed.</summary>
    long TrainItems { get; }

    /// <summary>The data of a seed.</summary>
    TData Draw(long seed);

    /// <summary>A quick look at validation pairs.</summary>
    Glance Glance(TowerPair towers, TData data);

    /// <summary>Every figure of a finished run.</summary>
    TResult Measure(RunKey key, TowerPair towers, TData data, RunCurves curves);

    /// <summary>The main ones in few words.</summary>
    string Summary(TResult result);
}
