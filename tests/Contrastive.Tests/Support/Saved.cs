using static TorchSharp.torch;

namespace Contrastive.Tests;

/// <summary>A module's state on its way through a file.</summary>
internal static class Saved
{
    public static byte[] Of(nn.Module module)
    {
        using var stream = new MemoryStream();
        module.save(stream);
        return stream.ToArray();
    }

    public static void Into(nn.Module module, byte[] state) => module.load(new MemoryStream(state));
}
