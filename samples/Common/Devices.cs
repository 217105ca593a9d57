using System.Globalization;
using static TorchSharp.torch;

namespace Contrastive.Samples;

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
