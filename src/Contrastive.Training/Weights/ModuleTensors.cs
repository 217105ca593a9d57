using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>The tensors of a module under the names they have in a file, and how a file's tensors get into them.</summary>
internal static class ModuleTensors
{
    private const int ProblemsShown = 5;

    public static Dictionary<string, Tensor> Of(nn.Module module, Func<string, string>? rename = null)
    {
        var named = new Dictionary<string, Tensor>();
        foreach (var (own, tensor) in module.state_dict())
        {
            var name = rename is null ? own : rename(own);
            if (!named.TryAdd(name, tensor))
                throw new ArgumentException($"two tensors of the module would be called '{name}', '{own}' among them", nameof(rename));
        }

        return named;
    }

    /// <summary>Compares a file with a module before anything is read.</summary>
    /// <exception cref="InvalidDataException">They do not fit: what and how, with both values.</exception>
    public static void Check(WeightsHeader file, IReadOnlyDictionary<string, Tensor> module, bool strict)
    {
        var problems = new List<string>();
        foreach (var (name, tensor) in module)
        {
            if (!file.Tensors.TryGetValue(name, out var saved))
            {
                if (strict) problems.Add($"it has no '{name}'");
                continue;
            }

            var wanted = new WeightsEntry(tensor.dtype, tensor.shape);
            if (saved.Description != wanted.Description)
                problems.Add($"'{name}' is {saved.Description} there but {wanted.Description} here");
        }

        if (strict)
            problems.AddRange(file.Tensors.Keys.Where(name => !module.ContainsKey(name)).Select(name => $"the module has no '{name}'"));
        if (problems.Count > 0)
        {
            var more = problems.Count > ProblemsShown ? $"; and {problems.Count - ProblemsShown} more" : "";
            throw new InvalidDataException($"it does not fit the module: {string.Join("; ", problems.Take(ProblemsShown))}{more}");
        }
    }

    /// <summary>Puts the values in; after the checks there is nothing left to fail.</summary>
    public static void Copy(IReadOnlyDictionary<string, Tensor> read, IReadOnlyDictionary<string, Tensor> module)
    {
        using var constant = no_grad();
        foreach (var (name, tensor) in module)
        {
            if (read.TryGetValue(name, out var value))
                tensor.copy_(value);
        }
    }
}
