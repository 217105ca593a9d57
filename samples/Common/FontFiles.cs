using ScottPlot;
using SkiaSharp;

namespace Contrastive.Samples;

/// <summary>
/// Fonts as files. SkiaSharp without dependencies knows no fonts of a Linux system, and would write nothing in plots and under pictures; with
/// this any system with a font file will do. ScottPlot keeps the typeface that a name had at the first plot, so whatever draws asks here first.
/// </summary>
/// <param name="regularFile">For all but headings.</param>
/// <param name="boldFile">For headings.</param>
internal sealed class FontFiles(string regularFile, string boldFile) : IFontResolver
{
    private static readonly string[] Folders =
    [
        "/usr/share/fonts", "/usr/local/share/fonts",
        .. new[] { ".local/share/fonts", ".fonts" }.Select(name => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), name)),
    ];

    // Those that have most characters first.
    private static readonly string[] Preferred = ["DejaVuSans", "NotoSans-", "LiberationSans-", "FreeSans", ""];

    private static readonly Lazy<bool> Registered = new(Register);

    /// <summary>Makes them known to ScottPlot, where there are no others.</summary>
    /// <returns>Whether texts can be written.</returns>
    public static bool AreThere() => Registered.Value;

    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) => SKTypeface.FromFile(bold ? boldFile : regularFile);

    public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing)
        => CreateTypeface(fontName, weight >= FontWeight.SemiBold, italic: false);

    private static bool Register()
    {
        var manager = SKFontManager.Default;
        if (Enumerable.Range(0, manager.FontFamilyCount).Any(family => manager.GetFamilyName(family).Length > 0))
            return true;
        string[] files = [.. Folders.Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true }))
            .Where(file => Path.GetExtension(file) is ".ttf" or ".otf")
            .OrderBy(file => Array.FindIndex(Preferred, name => Path.GetFileName(file).StartsWith(name, StringComparison.Ordinal)))
            .ThenBy(file => file.Length).ThenBy(file => file, StringComparer.Ordinal)];
        if (files.Length == 0)
            return false;
        var bold = files.FirstOrDefault(file => Path.GetFileNameWithoutExtension(file).EndsWith("-Bold", StringComparison.Ordinal)) ?? files[0];
        Fonts.FontResolvers.Insert(0, new FontFiles(files[0], bold));
        return true;
    }
}
