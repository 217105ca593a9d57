using System.Text.Json.Serialization;

namespace Contrastive.Samples.FusionModel.Training;

/// <summary>One run.</summary>
/// <param name="Task">The task; pretraining where it is none.</param>
/// <param name="Pretraining">What came before it: <see cref="None"/>, <see cref="Objectives"/>, and the task where it was fine-tuned for it on other data.</param>
/// <param name="Loss">The contrast of the pretraining.</param>
/// <param name="Structure">Its structure.</param>
/// <param name="Seed">Of first weights, batches and what is drawn.</param>
/// <param name="Without">What is hidden: nothing, <see cref="Picture"/> or <see cref="Text"/>.</param>
/// <param name="Model">The first digits of the checksum of the pretrained weights.</param>
internal sealed record FusionKey(string Task, string Pretraining, string Loss, string Structure, long Seed, string Without = "", string Model = "")
{
    public const string None = "none";
    public const string Objectives = "itc+itm+mlm";
    public const string Picture = "picture";
    public const string Text = "text";
    public const string Pretrain = "pretrain";

    /// <summary>Whether it was fine-tuned for the same task before, on other data.</summary>
    [JsonIgnore]
    public bool Continues => $"+{Pretraining}".EndsWith($"+{Task}", StringComparison.Ordinal);

    /// <summary>What it starts from, as tables name it.</summary>
    [JsonIgnore]
    public string Start => (Loss == None ? "no pretraining" : Structure == Structures.None ? Loss : $"{Loss} + {Structure}") + (Continues ? $", {Task} before" : "");

    [JsonIgnore]
    public string FileName => $"{Task}-{(Loss == None ? None : $"{Loss}-{Structure}")}{(Continues ? "-continued" : "")}-s{Seed}{(Without.Length > 0 ? $"-without-{Without}" : "")}";

    public override string ToString() => $"{Task} {(Without.Length > 0 ? $"without {Without}" : Task == Pretrain ? Start : $"from {Start}")} seed {Seed}";

    /// <summary>The run that fine-tunes what this one made.</summary>
    /// <param name="task">For what.</param>
    /// <param name="model">The first digits of the checksum of its weights.</param>
    public FusionKey FineTunedFor(string task, string model) => this with
    {
        Task = task,
        Pretraining = Task == Pretrain ? Pretraining : Pretraining == None ? Task : $"{Pretraining}+{Task}",
        Model = model,
    };
}

/// <summary>What a finished fine-tuning scored.</summary>
internal sealed record TaskResult(double Accuracy, IReadOnlyDictionary<string, double> Forms, double Seconds);
