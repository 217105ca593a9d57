using System.Globalization;
using System.Text.Json.Serialization;
using Contrastive.Modality;
using static TorchSharp.torch;

namespace Contrastive.Samples.ImageSearch.Training;

/// <summary>The structure that a run adds to its contrast, with all settings that it uses; what it does not use is null.</summary>
/// <param name="Name">One of <see cref="Names"/>.</param>
internal sealed record SearchStructure(string Name)
{
    public const string None = Structures.None;

    public const string InModal = "in-modal";

    /// <summary>The settings of the structures study.</summary>
    public static IReadOnlyList<string> Names { get; } = [None, InModal, Structures.Separation, Structures.Bridge, Structures.Consistency, Structures.All];

    /// <summary>How far a picture moves at most that is the other view of itself, where its item has no other picture.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Shift { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? SeparationWeight { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? BridgeWeight { get; init; }

    /// <summary>Whose other views lie on the bridge.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public BridgeSide? BridgeSide { get; init; }

    /// <summary>Where on it: the weight of their own side.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? BridgeTime { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? ConsistencyWeight { get; init; }

    [JsonIgnore]
    public bool IsNone => Name == None;

    [JsonIgnore]
    public bool NeedsIndependent => Structures.NeedsIndependent(Known);

    /// <summary>As a folder is named for it.</summary>
    [JsonIgnore]
    public string FileName => ToString().Replace(' ', '-').Replace('/', '-');

    private string Known => Name == InModal ? Structures.FourPart : Name;

    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="weights">Of all structures; this one takes what it needs of them.</param>
    /// <param name="shift">Of a picture that is the other view of itself.</param>
    public static SearchStructure Of(string name, StructureWeights weights, int shift)
    {
        var (all, none) = (name == Structures.All, name == None);
        var bridge = Structures.HasBridge(name);
        return new SearchStructure(name)
        {
            Shift = none ? null : shift,
            SeparationWeight = all || name == Structures.Separation ? weights.Separation : null,
            BridgeWeight = bridge ? weights.Bridge : null,
            BridgeSide = bridge ? weights.BridgeSide : null,
            BridgeTime = bridge ? weights.BridgeTime : null,
            ConsistencyWeight = all || name == Structures.Consistency ? weights.Consistency : null,
        };
    }

    /// <summary>The loss between the sides with the structure beside it; null where there is none.</summary>
    public CompositeLoss? Around(ContrastiveLoss contrastive, double temperature, Generator random) => IsNone
        ? null
        : Structures.Create(
            Known,
            contrastive,
            new StructureWeights(
                SeparationWeight ?? 0, BridgeWeight ?? 0, BridgeSide ?? Modality.BridgeSide.First, BridgeTime ?? 0.25, ConsistencyWeight ?? 0, Cyclip: 0),
            Temperature.Fixed(temperature),
            random);

    public override string ToString()
    {
        double?[] weights = [SeparationWeight, BridgeWeight, ConsistencyWeight];
        var told = weights.OfType<double>().Select(weight => weight.ToString(CultureInfo.InvariantCulture)).ToArray();
        return told.Length == 0 ? Name : $"{Name} {string.Join('/', told)}";
    }
}
