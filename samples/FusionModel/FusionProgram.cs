using System.CommandLine;
using Contrastive.Samples.FusionModel.Data;

namespace Contrastive.Samples.FusionModel;

/// <summary>The program: pretraining, fine-tuning for a task, and answers.</summary>
public static class FusionProgram
{
    /// <returns>0, or 2 after one line on standard error if something has to be put right, or 130 or 143 if stopped by Ctrl-C or SIGTERM.</returns>
    public static int Run(string[] arguments) => Run(arguments, null, null, () => { }, CancellationToken.None);

    /// <summary>As <see cref="Run(string[])"/>, with the console and the way to stop given, and a look at every step: for tests.</summary>
    internal static int Run(string[] arguments, TextWriter? output, TextWriter? error, Action afterStep, CancellationToken cancellation)
    {
        var commands = new FusionCommands();
        return SampleRunner.Run(commands.Root, arguments, (parsed, console) => Run(commands, parsed, console, afterStep), output, error, cancellation);
    }

    private static void Run(FusionCommands commands, ParseResult parsed, SampleConsole console, Action afterStep)
    {
        var command = parsed.CommandResult.Command;
        if (command == commands.Ask)
        {
            Asking.Run(commands.AskSettings(parsed), console);
            return;
        }

        var isPretraining = command == commands.Pretrain;
        var task = commands.Tasks.Index().FirstOrDefault(known => known.Item == command);
        if (!isPretraining && task.Item is null)
            throw new UserError("name a command: pretrain, finetune vqa, finetune reasoning, finetune entailment or ask (--help lists the options)");
        var running = commands.Running(parsed, hasRecords: !isPretraining);
        try
        {
            if (isPretraining)
                Pretraining.Run(commands.PretrainSettings(parsed), running, console, afterStep);
            else
                Finetuning.Run(commands.FinetuneSettings(parsed, (FusionTask)task.Index), (FusionTask)task.Index, running, console, afterStep);
        }
        catch (OperationCanceledException)
        {
            console.Line($"everything up to here is in {running.Folder}; the same command goes on from there");
            throw;
        }
    }
}
