using BenchmarkDotNet.Mathematics;
using Contrastive.Benchmarks.Cases;

namespace Contrastive.Benchmarks.Timing;

/// <summary>Every measurement of a case, in milliseconds, by form.</summary>
internal sealed record CaseTimes(StepCase Case, IReadOnlyDictionary<StepForm, double[]> Milliseconds)
{
    /// <summary>Over all rounds; null where the form was not run.</summary>
    public double? Median(StepForm form) => Milliseconds.TryGetValue(form, out var values) ? new Statistics(values).Median : null;
}
