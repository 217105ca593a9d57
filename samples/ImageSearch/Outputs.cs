using Contrastive.Samples.ImageSearch.Training;

namespace Contrastive.Samples.ImageSearch;

/// <summary>The files of an experiment, all in one folder.</summary>
internal sealed class Outputs(string folder)
{
    public string Folder => folder;

    public string Summary => Path.Combine(folder, "summary.json");

    /// <summary>Finished runs, a line each, unless <c>--records</c> names another file.</summary>
    public string Records => Path.Combine(folder, "runs.jsonl");

    /// <summary>Recall of each language.</summary>
    public string LanguagesPlot => Path.Combine(folder, "languages.png");

    public string Recall => Path.Combine(folder, "recall.png");

    /// <summary>What a report says of the towers, where any were kept.</summary>
    public string Towers => Path.Combine(folder, ModelFolder.Models) is var models && Directory.Exists(models) && Directory.EnumerateDirectories(models).Any()
        ? $", and each run's towers in {models}"
        : "";

    /// <summary>A folder with a run's trained towers: <see cref="Models.SavedModel"/>.</summary>
    public string Model(SearchKey key) => Path.Combine(folder, ModelFolder.Models, key.FileName);
}
