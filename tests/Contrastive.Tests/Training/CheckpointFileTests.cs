using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Tests.Training;

public sealed class CheckpointFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private sealed record Header(int Epoch, double Objective);

    /// <summary>A little training run whose every step depends on weights, optimiser state and random state.</summary>
    private sealed class Run : IDisposable
    {
        public Run(Func<IEnumerable<Parameter>, OptimizerHelper> optimizer, long width = 3)
        {
            Random = new Generator(7);
            Module = nn.Linear(4, width);
            using (no_grad())
            {
                foreach (var parameter in Module.parameters())
                    nn.init.normal_(parameter, generator: Random);
            }

            Optimizer = optimizer(Module.parameters());
        }

        public Generator Random { get; }
        public Linear Module { get; }
        public OptimizerHelper Optimizer { get; }

        public CheckpointParts Parts => new CheckpointParts().Module("tower", Module).Optimizer("optimizer", Optimizer).Generator("random", Random);

        public void Step(int times)
        {
            for (var i = 0; i < times; i++)
            {
                using var scope = NewDisposeScope();
                Optimizer.zero_grad();
                var x = randn([5, 4], generator: Random);
                Module.call(x).sin().sum().backward();
                Optimizer.step();
            }
        }

        public byte[] Weights() => [.. Module.parameters().SelectMany(p => p.detach().clone().bytes.ToArray())];

        public void Dispose()
        {
            Optimizer.Dispose();
            Module.Dispose();
            Random.Dispose();
        }
    }

    private static Func<IEnumerable<Parameter>, OptimizerHelper> OptimizerOf(string name) => name switch
    {
        "Adam" => p => optim.Adam(p, 0.05),
        "AdamW" => p => optim.AdamW(p, 0.05, weight_decay: 0.1),
        "AMSGrad" => p => optim.Adam(p, 0.05, amsgrad: true),
        _ => p => optim.SGD(p, 0.05, momentum: 0.9),
    };

    [Theory]
    [InlineData("Adam")]
    [InlineData("AdamW")]
    [InlineData("AMSGrad")]
    [InlineData("SGD")]
    public void Training_restored_from_a_checkpoint_continues_bit_for_bit(string optimizer)
    {
        using var whole = new Run(OptimizerOf(optimizer));
        whole.Step(7);
        CheckpointFile.Save(_folder.Path("run.ckpt"), new Header(7, double.NaN), whole.Parts);
        whole.Step(5);

        using var resumed = new Run(OptimizerOf(optimizer));
        resumed.Step(2);
        var file = CheckpointFile.Open(_folder.Path("run.ckpt"));
        file.Restore(resumed.Parts);
        resumed.Step(5);

        file.Header<Header>().Should().Be(new Header(7, double.NaN));
        resumed.Weights().Should().Equal(whole.Weights());
    }

    [Fact]
    public void A_file_cut_at_any_length_or_with_any_byte_changed_is_refused_and_changes_nothing()
    {
        using var run = new Run(OptimizerOf("Adam"));
        run.Step(3);
        var path = _folder.Path("run.ckpt");
        CheckpointFile.Save(path, new Header(3, 0.5), run.Parts);
        var good = File.ReadAllBytes(path);
        var before = run.Weights();

        for (var length = 0; length < good.Length; length += 97)
        {
            File.WriteAllBytes(path, good[..length]);
            FluentActions.Invoking(() => CheckpointFile.Open(path)).Should().Throw<InvalidDataException>().WithMessage($"{path}: *");
        }

        for (var at = 0; at < good.Length; at += 31)
        {
            var bad = good.ToArray();
            bad[at] ^= 0x10;
            File.WriteAllBytes(path, bad);
            // A change in the zip's own book-keeping may be harmless; one that reaches the state must not pass.
            try
            {
                CheckpointFile.Open(path).Restore(run.Parts);
            }
            catch (InvalidDataException refused)
            {
                refused.Message.Should().StartWith(path);
            }

            run.Weights().Should().Equal(before);
        }
    }

    [Fact]
    public void A_checkpoint_of_other_shapes_or_another_optimiser_is_refused_by_name()
    {
        using var saved = new Run(OptimizerOf("Adam"));
        CheckpointFile.Save(_folder.Path("run.ckpt"), new Header(0, 0), saved.Parts);
        var file = CheckpointFile.Open(_folder.Path("run.ckpt"));

        using var wider = new Run(OptimizerOf("Adam"), width: 5);
        var before = wider.Weights();
        file.Invoking(f => f.Restore(wider.Parts)).Should().Throw<InvalidDataException>().WithMessage("*'tower'*(3,4)*(5,4)*");
        wider.Weights().Should().Equal(before);

        using var other = new Run(OptimizerOf("AdamW"));
        file.Invoking(f => f.Restore(other.Parts)).Should().Throw<InvalidDataException>().WithMessage("*'optimizer'*Adam:*AdamW:*");
    }

    [Fact]
    public void A_missing_part_a_part_too_many_and_a_missing_file_are_refused()
    {
        using var run = new Run(OptimizerOf("Adam"));
        var path = _folder.Path("run.ckpt");
        CheckpointFile.Save(path, new Header(0, 0), run.Parts);
        var file = CheckpointFile.Open(path);

        file.Invoking(f => f.Restore(run.Parts.Module("head", run.Module))).Should().Throw<InvalidDataException>().WithMessage("*no 'head'");
        file.Invoking(f => f.Restore(new CheckpointParts().Module("tower", run.Module))).Should().Throw<InvalidDataException>().WithMessage("*'optimizer'*");
        FluentActions.Invoking(() => CheckpointFile.Open(_folder.Path("none.ckpt"))).Should().Throw<FileNotFoundException>().WithMessage("*none.ckpt: no such checkpoint");
        file.Invoking(f => f.Header<int[]>()).Should().Throw<InvalidDataException>();
    }
}
