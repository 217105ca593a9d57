using Contrastive.Modality.Outside;
using Contrastive.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality.Tests;

/// <summary>
/// What a module calls its own. TorchSharp makes a child of every field that holds a module, under the field's name, when the
/// module that has the field is registered in another; so each class is looked at alone and nested.
/// </summary>
public class ModuleStateTests
{
    private static readonly string[] GammaKeys =
    [
        "temperature.log_scale", "estimator.log_partition", "estimator.visits", "reverse_estimator.log_partition", "reverse_estimator.visits",
    ];

    private static readonly string[] MemoryKeys =
    [
        "anchors", "anchor_ids", "anchor_labels", "anchor_log_weights", "candidates", "candidate_ids", "candidate_labels", "candidate_log_weights",
        "position", "peak_step_size",
    ];

    private static readonly (string Name, Func<nn.Module> Create, string[] Keys)[] All =
    [
        ("InfoNCE", () => new InfoNCELoss(), []),
        ("InfoNCE, learned", () => new InfoNCELoss(Temperature.Learned()), ["temperature.log_scale"]),
        ("gamma", () => Gamma(ContrastMode.OneDirection), ["temperature.log_scale", "estimator.log_partition", "estimator.visits"]),
        ("gamma, symmetric", () => Gamma(ContrastMode.Symmetric), [.. GammaKeys]),
        ("sigmoid", () => new SigmoidContrastiveLoss(), ["temperature.log_scale", "bias"]),
        ("sigmoid, fixed", () => new SigmoidContrastiveLoss(Temperature.Fixed(0.1), learnedBias: false), []),
        ("uniformity", () => new UniformityLoss(), []),
        ("temperature, fixed", () => Temperature.Fixed(0.1), []),
        ("temperature, learned", () => Temperature.Learned(), ["log_scale"]),
        ("table", () => new PartitionTable(9), ["log_partition", "visits"]),
        ("queue", () => new PartitionQueue(4, 2), ["candidates", "sample_ids", "position"]),
        ("memory", () => new CrossBatchMemory(4, 2), [.. MemoryKeys]),
        ("InfoNCE with a memory", () => new InfoNCELoss(memory: new CrossBatchMemory(4, 2)), [.. MemoryKeys.Select(key => $"memory.{key}")]),
        ("batch", () => new BatchPartition(9), []),
        ("batches", () => new ShuffledBatches(9, 3, new Generator(1)), ["order", "step", "size"]),
        ("contrastive", () => new MultimodalContrastiveLoss(Gamma(ContrastMode.Symmetric)), [.. MultimodalKeys("")]),
        ("contrastive, cross-modal alone", () => new MultimodalContrastiveLoss(Gamma(ContrastMode.Symmetric), includeInModal: false),
            [.. GammaKeys.Select(key => $"cross_modal.{key}")]),
        ("separation", () => new FeatureSeparationLoss(Temperature.Learned()), ["contrast.temperature.log_scale"]),
        ("bridge", () => new BrownianBridgeLoss(), []),
        ("consistency", () => new GeometricConsistencyLoss(), []),
        ("a loss between modalities", () => ModalityLoss.Of(Gamma(ContrastMode.Symmetric)), [.. GammaKeys.Select(key => $"cross_modal.{key}")]),
        ("a loss of each modality", () => ModalityLoss.Of(new UniformityLoss()), []),
        ("a function", () => ModalityLoss.Of(batch => batch.First.Shared.mean()), []),
        ("a loss from outside", () => new AgreementLoss(), ["scale", "steps"]),
        ("composite", () => new CompositeLoss(("a", new MultimodalContrastiveLoss(Gamma(ContrastMode.Symmetric)), 1), ("b", new FeatureSeparationLoss(Temperature.Learned()), 0)),
            [.. MultimodalKeys("a."), "b.contrast.temperature.log_scale"]),
        ("composite of other losses", () => new CompositeLoss(
            ("a", new InfoNCELoss(Temperature.Learned(), ContrastMode.Symmetric), 1), ("b", new UniformityLoss(), 1), ("c", new AgreementLoss(), 1)),
            ["a.cross_modal.temperature.log_scale", "c.scale", "c.steps"]),
        ("composite of a composite", () => new CompositeLoss(("outer", new CompositeLoss(("a", new MultimodalContrastiveLoss(Gamma(ContrastMode.Symmetric)), 1)), 1)),
            [.. MultimodalKeys("outer.a.")]),
        ("projection", () => new ProjectionHead(3, 2, 4),
            ["layers.input.weight", "layers.input.bias", "layers.output.weight", "layers.output.bias"]),
        ("heads", () => new SeparatedHeads(3, 2),
            ["shared.layers.output.weight", "shared.layers.output.bias", "independent.layers.output.weight", "independent.layers.output.bias"]),
        ("momentum", () => new MomentumEncoder<ProjectionHead>(new ProjectionHead(3, 2), new ProjectionHead(3, 2)),
            ["_encoder.layers.output.weight", "_encoder.layers.output.bias"]),
        ("momentum of several", () => new MomentumModel(0.9, ("a", nn.Linear(3, 2), nn.Linear(3, 2)), ("b", nn.Linear(2, 2), nn.Linear(2, 2))),
            ["a._encoder.weight", "a._encoder.bias", "b._encoder.weight", "b._encoder.bias"]),
        ("momentum contrast", () => new MomentumContrastLoss(new CrossBatchMemory(4, 2)),
            ["contrast.temperature.log_scale", .. MemoryKeys.Select(key => $"queue.{key}")]),
        ("matching", () => new MatchingLoss(), []),
        ("text assignment", () => new TextAssignmentLoss(), []),
        ("masked words", () => new MaskedWordLoss(), []),
    ];

    public static TheoryData<string> Names => [.. All.Select(x => x.Name)];

    private static IEnumerable<string> MultimodalKeys(string prefix)
        => [.. GammaKeys.Select(key => $"{prefix}cross_modal.{key}"), $"{prefix}in_modal.temperature.log_scale"];

    private static GammaContrastiveLoss Gamma(ContrastMode mode) => new(new PartitionTable(9), Temperature.Learned(), mode);

    [Fact]
    public void Every_module_of_the_libraries_is_here()
    {
        using var scope = NewDisposeScope();
        // Which tensors the optimiser keeps is its own matter; that it has no more when nested is tested below.
        var seen = All.SelectMany(x => new[] { x.Create() }.SelectMany(module => module.modules().Prepend(module)))
            .Select(module => module.GetType())
            .Append(typeof(SafeAdamW))
            .Select(type => type.IsGenericType ? type.GetGenericTypeDefinition() : type)
            .ToHashSet();
        var modules = new[] { typeof(InfoNCELoss).Assembly, typeof(ModalityLoss).Assembly }
            .SelectMany(assembly => assembly.GetTypes())
            .Where(type => type.IsAssignableTo(typeof(nn.Module)) && !type.IsAbstract);
        modules.Where(type => !seen.Contains(type)).Should().BeEmpty();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_state_is_the_same_alone_and_nested(string name)
    {
        using var scope = NewDisposeScope();
        var (_, create, keys) = All.Single(x => x.Name == name);
        using var alone = create();
        alone.state_dict().Keys.Should().BeEquivalentTo(keys);
        using var nested = new Holder(create());
        nested.state_dict().Keys.Should().BeEquivalentTo(keys.Select(key => $"held.{key}"));
        using var deeper = new Holder(new Holder(create()));
        deeper.state_dict().Keys.Should().BeEquivalentTo(keys.Select(key => $"held.held.{key}"));
        nested.parameters().Should().HaveCount(alone.parameters().Count());
        nested.modules().Skip(1).Select(module => module.GetType()).Should().BeEquivalentTo(alone.modules().Select(module => module.GetType()));
    }

    [Fact]
    public void An_optimisers_state_is_the_same_alone_and_nested()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 2);
        using var optimizer = new SafeAdamW(layer.named_parameters(), 0.1);
        var keys = optimizer.state_dict().Keys.Select(key => $"held.{key}").ToArray();
        using var nested = new Holder(optimizer);
        nested.state_dict().Keys.Should().BeEquivalentTo(keys);
    }

    [Fact]
    public void A_nested_momentum_encoder_leaves_the_trained_encoder_alone()
    {
        using var scope = NewDisposeScope();
        using var online = new ProjectionHead(3, 2);
        using var model = new Model(online, new MomentumEncoder<ProjectionHead>(online, new ProjectionHead(3, 2)));
        model.state_dict().Keys.Should().BeEquivalentTo(
            "online.layers.output.weight", "online.layers.output.bias",
            "momentum._encoder.layers.output.weight", "momentum._encoder.layers.output.bias");

        var momentum = new MomentumEncoder<ProjectionHead>(online, new ProjectionHead(3, 2));
        using (var nested = new Holder(momentum))
        {
            nested.eval();
            (momentum.Encoder.training, online.training).Should().Be((false, true));
            online.eval();
            nested.train();
            (momentum.Encoder.training, online.training).Should().Be((true, false));
            foreach (var parameter in nested.parameters()) parameter.requires_grad.Should().BeFalse();
            nested.to(ScalarType.Float64);
            momentum.Encoder.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float64);
            online.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float32 && parameter.requires_grad);
        }
        online.forward(ones(1, 3)).shape.Should().Equal(1, 2);
    }

    [Fact]
    public void A_nested_loss_disposes_its_estimators_and_not_the_temperature_it_was_given()
    {
        using var scope = NewDisposeScope();
        using var temperature = Temperature.Learned();
        using var other = new InfoNCELoss(temperature);
        foreach (var inner in new Func<nn.Module>[]
        {
            () => new GammaContrastiveLoss(new PartitionTable(9), temperature, ContrastMode.Symmetric),
            () => new SigmoidContrastiveLoss(temperature),
            () => new MultimodalContrastiveLoss(new GammaContrastiveLoss(new PartitionTable(9), temperature, ContrastMode.Symmetric)),
            () => new MultimodalContrastiveLoss(new InfoNCELoss(mode: ContrastMode.Symmetric), temperature),
            () => new MomentumContrastLoss(temperature: temperature),
            () => new CompositeLoss(
                ("a", new MultimodalContrastiveLoss(new GammaContrastiveLoss(new PartitionTable(9), temperature, ContrastMode.Symmetric)), 1),
                ("b", new FeatureSeparationLoss(temperature), 1)),
            () => new CompositeLoss(("a", new GammaContrastiveLoss(new PartitionTable(9), temperature, ContrastMode.Symmetric), 1), ("b", new UniformityLoss(), 1)),
        })
        {
            var module = inner();
            var tables = module.modules().OfType<PartitionTable>().Select(table => table.Visits).ToArray();
            new Holder(module).Dispose();
            tables.Where(visits => !visits.IsInvalid).Should().BeEmpty();
            temperature.Value.Should().BeApproximately(0.07, 1e-6);
            other.forward(eye(2), eye(2)).item<float>().Should().BePositive();
        }
    }

    [Fact]
    public void A_nested_loss_counts_in_its_table_whatever_dtype_it_moved_to_and_from()
    {
        using var scope = NewDisposeScope();
        var c = new Case(1, 4, 3);
        var gamma = Gamma(ContrastMode.Symmetric);
        using var nested = new Holder(new CompositeLoss(("a", new MultimodalContrastiveLoss(gamma), 1)));
        nested.to(ScalarType.Float64);
        ((ModalityLoss)nested.Held).Evaluate(c.First, c.Second, arange(4));
        var visits = nested.state_dict().Where(entry => entry.Key.EndsWith("visits", StringComparison.Ordinal)).ToArray();
        visits.Should().HaveCount(2);
        visits.Should().OnlyContain(entry => entry.Value.sum(ScalarType.Int64).item<long>() == 4);
        var table = (PartitionTable)gamma.Estimator;
        table.LogPartition.dtype.Should().Be(ScalarType.Float64);
        table.Visits.IsSameAs(visits[0].Value).Should().BeTrue();
    }

    /// <summary>A user's module with one of ours in a field.</summary>
    private sealed class Holder : nn.Module
    {
        private readonly nn.Module held;

        public Holder(nn.Module held)
            : base(nameof(Holder))
        {
            this.held = held;
            RegisterComponents();
        }

        public nn.Module Held => held;
    }

    private sealed class Model : nn.Module
    {
        private readonly ProjectionHead online;
        private readonly MomentumEncoder<ProjectionHead> momentum;

        public Model(ProjectionHead online, MomentumEncoder<ProjectionHead> momentum)
            : base(nameof(Model))
        {
            (this.online, this.momentum) = (online, momentum);
            register_module(nameof(online), this.online);
            register_module(nameof(momentum), this.momentum);
        }
    }
}
