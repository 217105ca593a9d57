using System.Globalization;

namespace Contrastive.Benchmarks.Reporting;

/// <summary>How figures read in the tables; nothing where there is none.</summary>
internal static class Figures
{
    public static string Milliseconds(double? value) => value switch
    {
        null => "",
        < 10 => Text(value, "F2"),
        < 1000 => Text(value, "F1"),
        _ => Text(value, "F0"),
    };

    public static string Megabytes(double? value) => Text(value, "F0");

    public static string Ratio(double? value) => Text(value, "F2");

    private static string Text(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
