using System.Runtime.CompilerServices;

namespace Contrastive.Tests;

internal static class TorchSetup
{
    // Small tensors: threads cost more than they give, and sums in one order give the same numbers everywhere.
    [ModuleInitializer]
    internal static void Initialize() => TorchSharp.torch.set_num_threads(1);
}
