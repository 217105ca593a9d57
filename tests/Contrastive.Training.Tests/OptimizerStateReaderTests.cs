using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

/// <summary>
/// The state of TorchSharp's optimisers that was changed, with the right sum: TorchSharp allocates what it says, and ends the process
/// over a dtype that there is none of.
/// </summary>
public sealed class OptimizerStateReaderTests
{
    /// <summary>The last tensor's dtype, number of dimensions, and two of them, 2 x 2 of four bytes each.</summary>
    private const int Values = 16;
    private const int Header = 4;

    [Theory]
    [InlineData(new byte[] { 12, 2, 2, 2 }, "shape 12, as none of its 3 parameters")]
    [InlineData(new byte[] { 127, 2, 2, 2 }, "shape 127,")]
    [InlineData(new byte[] { 0x86, 0x02, 2, 2, 2 }, "shape 262,")]
    [InlineData(new byte[] { 7, 2, 2, 2 }, "shape 7,")]
    [InlineData(new byte[] { 6, 3, 2, 2, 1 }, "shape 6, 3,")]
    [InlineData(new byte[] { 6, 0xFF, 0xFF, 0xFF, 0x7F }, "shape 6, 268435455,")]
    [InlineData(new byte[] { 6, 2, 17, 2 }, "shape 6, 2, 17,")]
    [InlineData(new byte[] { 6, 2, 2, 9 }, "shape 6, 2, 2, 9,")]
    [InlineData(new byte[] { 6, 2, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F }, "shape 6, 2, 2, 9223372036854775807,")]
    [InlineData(new byte[] { 6, 2, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01 }, "an integer of an optimiser's state has more than 63 bits")]
    [InlineData(new byte[] { 6, 2, 2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 }, "an integer of an optimiser's state has more than 63 bits")]
    public void A_header_of_a_tensor_that_cannot_be_is_refused_before_there_is_a_tensor(byte[] header, string message)
    {
        using var module = nn.Sequential(nn.Linear(1, 3), nn.Linear(2, 2, hasBias: false));
        using var optimizer = optim.SGD(module.parameters(), 0.1, momentum: 0.9);
        var part = new CheckpointParts().Module("module", module).Optimizer("optimizer", optimizer).All["optimizer"];
        var before = Bytes(part);
        Step(optimizer);
        var good = Bytes(part);
        good[^(Values + Header)..^Values].Should().Equal([(byte)ScalarType.Float32, 2, 2, 2], "this is where the test makes its change");

        // As it is without momentum, and with: where there is a tensor already, TorchSharp goes by that one's shape.
        foreach (var state in (byte[][])[before, good])
        {
            Restore(part, state);
            using var staged = Stage(part, [.. good[..^(Values + Header)], .. header, .. good[^Values..]]);
            staged.Invoking(s => s.Commit()).Should().Throw<InvalidDataException>().WithMessage($"*{message}*");
            staged.RollBack();
            Bytes(part).Should().Equal(state);
        }

        Restore(part, good);
        Bytes(part).Should().Equal(good);
    }

    [Theory]
    [InlineData(new long[0])]
    [InlineData(new long[] { 300 })]
    [InlineData(new long[] { 2, 1, 3, 1, 200 })]
    public void Parameters_of_any_shape_come_back(long[] shape)
    {
        using var module = new Weights(shape);
        OptimizerHelper[] optimizers =
        [
            optim.SGD(module.parameters(), 0.1, momentum: 0.9), optim.Adam(module.parameters(), amsgrad: true), optim.AdamW(module.parameters()),
            optim.RMSProp(module.parameters(), centered: true, momentum: 0.5), optim.Adagrad(module.parameters()), optim.Adadelta(module.parameters()),
            optim.Adamax(module.parameters()), optim.NAdam(module.parameters()), optim.RAdam(module.parameters()), optim.ASGD(module.parameters()),
        ];
        foreach (var optimizer in optimizers)
        {
            using var owned = optimizer;
            var part = new CheckpointParts().Module("module", module).Optimizer("optimizer", optimizer).All["optimizer"];
            var before = Bytes(part);
            Step(optimizer);
            var good = Bytes(part);
            good.Should().NotEqual(before, optimizer.GetType().Name);
            Step(optimizer);
            Restore(part, good);
            Bytes(part).Should().Equal(good);
            Restore(part, before);
            Bytes(part).Should().Equal(before);
        }
    }

    /// <summary>A user's optimiser may keep what it likes, here a number and a sum a row, and read it as it likes.</summary>
    [Fact]
    public void State_of_other_shapes_comes_back_where_the_optimiser_is_not_TorchSharps()
    {
        using var module = nn.Linear(3, 2);
        using var optimizer = new RowSums(module.parameters());
        var part = new CheckpointParts().Module("module", module).Optimizer("optimizer", optimizer).All["optimizer"];
        Step(optimizer);
        var good = Bytes(part);
        Step(optimizer);
        Bytes(part).Should().NotEqual(good);
        Restore(part, good);
        Bytes(part).Should().Equal(good);
    }

    private static byte[] Bytes(CheckpointPart part)
    {
        using var stream = new MemoryStream();
        part.Writer()(stream);
        return stream.ToArray();
    }

    private static StagedPart Stage(CheckpointPart part, byte[] state) => part.Stage(new MemoryStream(state), state.Length);

    private static void Restore(CheckpointPart part, byte[] state)
    {
        using var staged = Stage(part, state);
        staged.Commit();
    }

    private static void Step(OptimizerHelper optimizer)
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        foreach (var parameter in optimizer.parameters())
            (parameter + 1).square().sum().backward();
        optimizer.step();
    }

    private sealed class Weights : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter _weights;

        public Weights(long[] shape)
            : base(nameof(Weights))
        {
            _weights = new Parameter(ones(shape));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => input * _weights;
    }

    private sealed class RowSums : OptimizerHelper
    {
        public RowSums(IEnumerable<Parameter> parameters)
        {
            _defaults = new OptimizerOptions { LearningRate = 0.1 };
            _parameter_groups = [];
            add_param_group(new Group([.. parameters]));
        }

        public override Tensor step(Func<Tensor>? closure = null)
        {
            using var constant = no_grad();
            foreach (var parameter in parameters())
            {
                var state = (Rows)_state[parameter.Handle];
                state.Steps++;
                state.Sum.add_(parameter.grad!.view(parameter.shape[0], -1).sum(dim: 1));
            }

            return null!;
        }

        public override void add_param_group(TorchSharp.Modules.ParamGroup param_group)
        {
            base.add_param_group(param_group);
            foreach (var parameter in param_group.Parameters)
                _state[parameter.Handle] = new Rows(parameter);
        }

        protected override void Dispose(bool disposing)
        {
            foreach (var (_, state) in _state)
                ((Rows)state).Sum.Dispose();
            base.Dispose(disposing);
        }

        private sealed class Group : TorchSharp.Modules.ParamGroup
        {
            public Group(Parameter[] parameters)
            {
                Parameters = parameters;
                Options = new OptimizerOptions { LearningRate = 0.1 };
            }
        }

        private sealed class Rows(Parameter parameter) : OptimizerState(parameter)
        {
            public byte Steps { get; set; }

            public Tensor Sum { get; } = zeros(parameter.shape[0], 1).squeeze(1);

            public override void SaveStateDict(BinaryWriter writer)
            {
                writer.Write(Steps);
                Sum.Save(writer);
            }

            public override void LoadStateDict(BinaryReader reader)
            {
                Steps = reader.ReadByte();
                Sum.Load(reader);
            }

            public override void LoadStateDict(OptimizerState source) => throw new NotSupportedException();

            public override void Initialize(OptimizerOptions options)
            {
            }
        }
    }
}
