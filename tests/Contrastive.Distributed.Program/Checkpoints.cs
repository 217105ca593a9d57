using System.Diagnostics;
using Contrastive.Training;
using static TorchSharp.torch;

namespace Contrastive.Distributed.Program;

/// <summary>A process that is killed while it writes a checkpoint.</summary>
internal static class Checkpoints
{
    /// <summary>Writes one checkpoint after the other, of some MB each, until a signal that nothing can be done about comes in the middle of one.</summary>
    public static void WriteUntilKilled(string path)
    {
        using var module = nn.Linear(6000, 1000);
        var parts = new CheckpointParts().Module("tower", module);
        CheckpointFile.Save(path, 0L, parts);
        var folder = Path.GetDirectoryName(path)!;
        for (var step = 1L; ; step++)
        {
            if (step == 2) new Thread(() => KillWhileWriting(folder)).Start();
            CheckpointFile.Save(path, step, parts);
        }
    }

    private static void KillWhileWriting(string folder)
    {
        using var process = Process.GetCurrentProcess();
        // Beside the file lies the one that is being written.
        while (Directory.GetFiles(folder).Length < 2) Thread.Yield();
        process.Kill();
    }
}
