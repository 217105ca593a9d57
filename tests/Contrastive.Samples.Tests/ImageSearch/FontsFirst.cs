using System.Runtime.CompilerServices;
using Contrastive.Samples.ImageSearch;

namespace Contrastive.Samples.Tests.ImageSearch;

/// <summary>
/// ScottPlot keeps the typeface that a name had at the first plot, so fonts are made known before any test draws one, as ImageSearch does
/// when it starts.
/// </summary>
internal static class FontsFirst
{
#pragma warning disable CA2255 // Meant for applications: a test run is one.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Register() => FontFiles.AreThere();
}
