using System.CommandLine;
using System.Globalization;
using static TorchSharp.torch;

namespace Contrastive.Samples;

/// <summary>Options of a command line and what their texts mean; every refusal names the option and the value.</summary>
public static class CommandOptions
{
    /// <summary>Gives a command its options.</summary>
    public static void With(this Command command, params IEnumerable<Option> options)
    {
        foreach (var option in options)
            command.Add(option);
    }

    public static Option<string> Text(string name, string standard, string description, string helpName)
        => new(name) { Description = description, HelpName = helpName, DefaultValueFactory = _ => standard };

    /// <summary>What is given, or what takes the place of the default, or the default.</summary>
    public static string Value(ParseResult parsed, Option<string> option, string? instead)
        => instead is not null && parsed.GetResult(option) is null or { Implicit: true } ? instead : parsed.GetRequiredValue(option);

    /// <summary>A file or folder, or null where the option is not given.</summary>
    public static string? Name(Option option, string? text)
        => text is "" ? throw new UserError($"{option.Name} is empty") : text;

    public static long Whole(Option option, string text, long low, long high)
    {
        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
            throw new UserError($"{option.Name}: '{text}' is not a whole number");
        return value >= low && value <= high ? value : throw new UserError($"{option.Name} must lie between {low} and {high} but is {text}");
    }

    /// <summary>A whole number that is a multiple of another.</summary>
    public static int Multiple(Option option, string text, int of, long low, long high)
        => Whole(option, text, low, high) is var value && value % of == 0
            ? (int)value
            : throw new UserError($"{option.Name} must be a multiple of {of} but is {value}");

    /// <summary>Runs at a time: a number, or <c>auto</c> for one per processor.</summary>
    public static int Parallel(Option option, string text) => text == "auto" ? Environment.ProcessorCount : (int)Whole(option, text, 1, 1024);

    /// <summary>Refuses options that were given where they mean nothing.</summary>
    public static void Refuse(ParseResult parsed, IEnumerable<Option> options, string why)
    {
        if (options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given)
            throw new UserError($"{given.Name} {why}");
    }

    public static double Real(Option option, string text, double low, double high)
    {
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
            throw new UserError($"{option.Name}: '{text}' is not a number");
        return value >= low && value <= high ? value : throw new UserError($"{option.Name} must lie between {low} and {high} but is {text}");
    }

    public static T Choice<T>(Option option, string text)
        where T : struct, Enum
        => Enum.TryParse<T>(text, ignoreCase: true, out var value) && Enum.IsDefined(value) && !char.IsAsciiDigit(text[0])
            ? value
            : throw new UserError($"{option.Name}: '{text}' is not one of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}");

    /// <summary>Values between commas, none of them twice.</summary>
    public static T[] List<T>(Option option, string text, Func<string, T> read)
        where T : notnull
    {
        var values = text.Split(',', StringSplitOptions.TrimEntries).Select(read).ToArray();
        return values.GroupBy(value => value).FirstOrDefault(group => group.Count() > 1) is { } repeated
            ? throw new UserError($"{option.Name}: '{repeated.Key}' is there twice")
            : values;
    }

    public static string[] Names(Option option, string text, IReadOnlyList<string> known)
        => List(option, text, name => known.Contains(name) ? name : throw new UserError($"{option.Name}: '{name}' is not one of {string.Join(", ", known)}"));

    /// <summary>How many seeds, counted from 0, or the seeds themselves between commas; a single one has a comma behind it.</summary>
    public static long[] Seeds(Option option, string text, long largest)
        => text.Contains(',', StringComparison.Ordinal)
            ? List(option, text.EndsWith(',') ? text[..^1] : text, seed => Whole(option, seed, 0, largest))
            : [.. Enumerable.Range(0, (int)Whole(option, text, 1, 1000)).Select(seed => (long)seed)];
}

/// <summary>The device that <c>--device</c> names, if this machine has it: cpu, cuda or cuda:1.</summary>
public static class Devices
{
    /// <exception cref="UserError">The name is none, or this machine lacks the device.</exception>
    public static Device Of(string name)
    {
        if (name == "cpu")
            return CPU;
        var index = 0;
        if (name != "cuda" && !(name.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out index)))
            throw new UserError($"--device: '{name}' is not one of cpu, cuda and cuda:<number>");
        var there = cuda.is_available() ? cuda.device_count() : 0;
        return index < there
            ? new Device(TorchSharp.DeviceType.CUDA, index)
            : throw new UserError($"--device {name}: this machine has {there} CUDA devices that TorchSharp can use");
    }
}
