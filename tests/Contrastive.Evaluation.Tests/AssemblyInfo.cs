using System.Runtime.CompilerServices;
using TorchSharp;

// Some tests count the living tensors of the process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Contrastive.Evaluation.Tests;

internal static class AssemblyInfo
{
    /// <summary>Small tensors gain nothing from threads, and on a busy machine they wait for each other.</summary>
    [ModuleInitializer]
    internal static void OneThread() => torch.set_num_threads(1);
}
