using System.Globalization;
using TorchSharp;

namespace Contrastive.Samples.Tests.Common;

public sealed class NativeHeapTests
{
    [Fact]
    public void What_a_step_freed_is_there_for_the_next_without_page_faults()
    {
        NativeHeap.KeepFreedMemory();
        if (!OperatingSystem.IsLinux())
            return;
        Step();
        var before = Faults();

        for (var step = 0; step < 10; step++)
            Step();

        // Ten times 20 MB are 49,000 pages.
        (Faults() - before).Should().BeLessThan(5_000);

        static void Step()
        {
            using var scope = torch.NewDisposeScope();
            for (var tensor = 0; tensor < 20; tensor++)
                torch.ones(250_000);
        }

        // The tenth field; the second, the program's name in brackets, may have spaces.
        static long Faults()
            => long.Parse(File.ReadAllText("/proc/self/stat").Split(") ")[^1].Split(' ')[7], CultureInfo.InvariantCulture);
    }
}
