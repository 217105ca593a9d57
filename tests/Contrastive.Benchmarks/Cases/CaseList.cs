using System.IO.Enumeration;
using Contrastive.Samples;

namespace Contrastive.Benchmarks.Cases;

/// <summary>All cases, in the order of the tables.</summary>
internal static class CaseList
{
    public static IReadOnlyList<StepCase> All { get; } = [.. InfoNCECases.All, .. SelfContrastCases.All, .. IdCases.All, .. GammaCases.All, .. TableCases.All, .. ConsistencyCases.All, .. EvaluationCases.All];

    /// <summary>The cases that one of the patterns names, with * for any letters, as BenchmarkDotNet's filter; all without any.</summary>
    /// <exception cref="UserError">A pattern names none.</exception>
    public static IReadOnlyList<StepCase> Matching(IReadOnlyList<string> patterns)
    {
        if (patterns.FirstOrDefault(pattern => !All.Any(known => Names(pattern, known))) is { } stray)
            throw new UserError($"--filter {stray}: there is no such case among {Known}");
        return patterns.Count == 0 ? All : [.. All.Where(known => patterns.Any(pattern => Names(pattern, known)))];
    }

    /// <exception cref="UserError">There is none of that name.</exception>
    public static StepCase Named(string name)
        => All.FirstOrDefault(known => known.Name == name) ?? throw new UserError($"{name} is none of the cases {Known}");

    private static string Known => string.Join(", ", All.Select(known => known.Name));

    private static bool Names(string pattern, StepCase known) => FileSystemName.MatchesSimpleExpression(pattern, known.Name);
}
