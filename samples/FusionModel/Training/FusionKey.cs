using System.Text.Json.Serialization;

namespace Contrastive.Samples.FusionModel.Training;

/// <summary>One run.</summary>
/// <param name="Task">The task; pretraining where it is none.</param>
/// <param name="Pretraining">What came before it: <see cref="None"/> or <see cref="Objectives"/>.</param>
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

    [JsonIgnore]
    public string FileName => $"{Task}-{(Pretraining == None ? None : $"{Loss}-{Structure}")}-s{Seed}{(Without.Length > 0 ? $"-without-{Without}" : "")}";

    public override string ToString()
        => $"{Task}{(Pretraining != None ? $" {Loss}{(Structure == Structures.None ? "" : $" + {Structure}")}" : "")} seed {Seed}{(Without.Length > 0 ? $" without {Without}" : "")}";
}

/// <summary>What a finished fine-tuning scored.</summary>
internal sealed record TaskResult(double Accuracy, IReadOnlyDictionary<string, double> Forms, double Seconds);
