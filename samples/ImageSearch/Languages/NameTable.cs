namespace Contrastive.Samples.ImageSearch.Languages;

/// <summary>What things are called: <c>item&lt;TAB&gt;language&lt;TAB&gt;name</c> a line, several names of an item in one language if there are.</summary>
internal sealed class NameTable
{
    private readonly Dictionary<string, List<Name>> _names = [];

    /// <summary>A name in a language.</summary>
    public readonly record struct Name(string Language, string Text);

    /// <param name="path">The file.</param>
    /// <param name="skipped">Takes the lines that say nothing usable.</param>
    /// <exception cref="UserError">The file cannot be read.</exception>
    public static NameTable Read(string path, List<Skipped> skipped)
    {
        var table = new NameTable();
        foreach (var row in TabbedFile.ReadRows("--names", path, "", 2, skipped))
        {
            // It becomes part of a folder's name, and of a list.
            if (row.Values[0].All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_'))
                table.Add(row.Name, row.Values[0], row.Values[1]);
            else
                skipped.Add(new Skipped($"{path}, {row.Name}", $"'{row.Values[0]}' is no language such as en or pt-BR"));
        }

        return table;
    }

    public void Add(string item, string language, string name)
    {
        if (!_names.TryGetValue(item, out var names))
            _names[item] = names = [];
        if (!names.Contains(new Name(language, name)))
            names.Add(new Name(language, name));
    }

    /// <summary>None where the item has none.</summary>
    public IReadOnlyList<Name> Of(string item) => _names.GetValueOrDefault(item, []);
}
