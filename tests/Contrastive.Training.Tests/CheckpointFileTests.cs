using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

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

    [Theory]
    [InlineData("null", "its format is '', not 'contrastive-checkpoint-2'")]
    [InlineData("""{"Format":"contrastive-checkpoint-1","Entries":[]}""", "its format is 'contrastive-checkpoint-1', not 'contrastive-checkpoint-2': it is of an older version, whose optimisers have no names")]
    [InlineData("""{"Format":"contrastive-checkpoint-9","Parts":{}}""", "its format is 'contrastive-checkpoint-9', not 'contrastive-checkpoint-2'")]
    [InlineData("""{"Format":"contrastive-checkpoint-2","Entries":[]}""", "it has no header")]
    [InlineData("""{"Format":"contrastive-checkpoint-2","Entries":[{"Name":"header.json","Layout":"header","Sha256":""}]}""", "it has no entry 'header.json'")]
    [InlineData("""{"Format":"contrastive-checkpoint-2"}""", "Entries")]
    [InlineData("[", "")]
    [InlineData("""{"Format":"contrastive-checkpoint-2","Entries":[null]}""", "its manifest has ''")]
    [InlineData("""{"Format":"contrastive-checkpoint-2","Entries":null}""", "Entries")]
    [InlineData("""{"Format":"contrastive-checkpoint-2","Entries":[{"Name":"x","Layout":"","Sha256":""}]}""", "its manifest has 'x', which is neither 'header.json' nor in 'parts/'")]
    [InlineData("""{"Format":"contrastive-checkpoint-2","Entries":[{"Name":null,"Layout":"","Sha256":""}]}""", "Name")]
    [InlineData("""{"Format":"contrastive-checkpoint-2","Entries":[],"Entries":[]}""", "Entries")]
    [InlineData("""{"Format":"contrastive-checkpoint-2","Format":"contrastive-checkpoint-2","Entries":[]}""", "Format")]
    [InlineData("""{"Format":"contrastive-checkpoint-2","Entries":[{"Name":"parts/x","Layout":"","Layout":"","Sha256":""}]}""", "Layout")]
    [InlineData("""{"Format":"contrastive-checkpoint-2","Entries":[{"Name":"parts/x","Layout":"","Sha256":""},{"Name":"parts/x","Layout":"","Sha256":""}]}""", "its manifest has 'parts/x' twice")]
    public void A_zip_that_is_no_checkpoint_is_refused(string manifest, string message)
    {
        var path = _folder.Path("other.zip");
        using (var zip = System.IO.Compression.ZipFile.Open(path, System.IO.Compression.ZipArchiveMode.Create))
        using (var entry = new StreamWriter(zip.CreateEntry("manifest.json", System.IO.Compression.CompressionLevel.NoCompression).Open()))
            entry.Write(manifest);
        FluentActions.Invoking(() => CheckpointFile.Open(path)).Should().Throw<InvalidDataException>().WithMessage($"{path}: no usable checkpoint: *{message}*");
    }

    [Fact]
    public void A_header_that_is_null_is_none_and_a_folder_cannot_be_read()
    {
        using var random = new Generator(1);
        var path = _folder.Path("run.ckpt");
        Refuses(() => CheckpointFile.Save<string?>(path, null, new CheckpointParts().Generator("random", random)), "header");
        File.Exists(path).Should().BeFalse();
        FluentActions.Invoking(() => CheckpointFile.Open(_folder.Root)).Should().Throw<IOException>().WithMessage($"{_folder.Root}: cannot read the checkpoint: *");
    }

    private sealed class Silent
    {
        public int Epoch { get; private set; }

        public static Silent At(int epoch) => new() { Epoch = epoch };
    }

    /// <summary>No property says what the constructor wants.</summary>
    private sealed class Unreadable(int step)
    {
        public int Steps => step;
    }

    private sealed class OfTwo
    {
        public OfTwo(int step) => Step = step;

        public OfTwo(int step, int more) => Step = step + more;

        public int Step { get; }
    }

    [Fact]
    public void A_header_is_read_as_it_was_written_or_refused_before_anything_is()
    {
        using var random = new Generator(1);
        var (path, parts) = (_folder.Path("run.ckpt"), new CheckpointParts().Generator("random", random));
        CheckpointFile.Save(path, (Epoch: 7, Best: double.NaN, Names: new[] { "a" }), parts);
        var (epoch, best, names) = CheckpointFile.Open(path).Header<(int, double, string[])>();
        (epoch, best).Should().Be((7, double.NaN));
        names.Should().Equal("a");
        CheckpointFile.Save(path, new { Epoch = 8 }, parts);
        CheckpointFile.Save<IReadOnlyDictionary<string, int>>(path, new Dictionary<string, int> { ["epoch"] = 9 }, parts);
        CheckpointFile.Save<IComparable<int>>(path, 3, parts);
        var before = File.ReadAllBytes(path);

        Refuses(() => CheckpointFile.Save(path, Silent.At(7), parts), "header");
        FluentActions.Invoking(() => CheckpointFile.Save(path, Silent.At(7), parts)).Should().Throw<ArgumentException>().WithMessage("*Silent*{\"Epoch\":7}*{\"Epoch\":0}*");
        Refuses(() => CheckpointFile.Save(path, new Unreadable(3), parts), "header");
        Refuses(() => CheckpointFile.Save(path, new OfTwo(3), parts), "header");
        File.ReadAllBytes(path).Should().Equal(before);
    }

    [Fact]
    public void A_write_that_fails_leaves_the_old_checkpoint()
    {
        using var run = new Run(OptimizerOf("Adam"));
        var path = _folder.Path("run.ckpt");
        CheckpointFile.Save(path, new Header(1, 0), run.Parts);
        var before = File.ReadAllBytes(path);
        using var nowhere = nn.Linear(2, 2, device: META);

        Refuses(() => CheckpointFile.Save(path, new Header(2, 0), run.Parts.Module("nowhere", nowhere)), "is on the device meta");
        FluentActions.Invoking(() => CheckpointFile.Save(path, new Header(2, 0), run.Parts.Add("failing", new Failing()))).Should().Throw<InvalidOperationException>();

        File.ReadAllBytes(path).Should().Equal(before);
        Directory.GetFileSystemEntries(_folder.Root).Should().Equal(path);
    }

    private sealed class Failing : CheckpointPart
    {
        public override string Layout => "failing";

        public override Action<Stream> Writer() => stream =>
        {
            stream.WriteByte(1);
            throw new InvalidOperationException("half way");
        };

        public override StagedPart Stage(Stream stream, long length) => throw new NotSupportedException();
    }

    /// <summary>A part that changes, then refuses, as an optimiser of other options might.</summary>
    private sealed class Refusing : CheckpointPart
    {
        public byte[] State { get; private set; } = [1];

        public override string Layout => "refusing";

        public override Action<Stream> Writer() => stream => stream.WriteByte(7);

        public override StagedPart Stage(Stream stream, long length) => new StagedBytes(stream, before => before.Write(State), saved =>
        {
            State = [(byte)saved.ReadByte()];
            if (State[0] == 7) throw new InvalidOperationException("not seven");
        });
    }

    [Fact]
    public void What_one_part_refuses_is_undone_in_all()
    {
        using var run = new Run(OptimizerOf("Adam"));
        var refusing = new Refusing();
        CheckpointFile.Save(_folder.Path("run.ckpt"), new Header(0, 0), run.Parts.Add("refusing", refusing));
        run.Step(3);
        CheckpointFile.Save(_folder.Path("before.ckpt"), new Header(0, 0), run.Parts);

        CheckpointFile.Open(_folder.Path("run.ckpt")).Invoking(f => f.Restore(run.Parts.Add("refusing", refusing)))
            .Should().Throw<InvalidDataException>().WithMessage("*cannot be restored: not seven");

        refusing.State.Should().Equal(1);
        CheckpointFile.Save(_folder.Path("after.ckpt"), new Header(0, 0), run.Parts);
        File.ReadAllBytes(_folder.Path("after.ckpt")).Should().Equal(File.ReadAllBytes(_folder.Path("before.ckpt")));
    }

    [Fact]
    public void Equal_states_are_equal_files_and_a_module_is_safetensors_inside()
    {
        using var run = new Run(OptimizerOf("Adam"));
        CheckpointFile.Save(_folder.Path("a.ckpt"), new Header(0, 0), run.Parts);
        CheckpointFile.Save(_folder.Path("b.ckpt"), new Header(0, 0), run.Parts);

        File.ReadAllBytes(_folder.Path("a.ckpt")).Should().Equal(File.ReadAllBytes(_folder.Path("b.ckpt")));
        System.IO.Compression.ZipFile.ExtractToDirectory(_folder.Path("a.ckpt"), _folder.Path("content"));
        WeightsFile.ReadHeader(_folder.Path("content", "parts", "tower")).Tensors.Keys.Should().BeEquivalentTo("weight", "bias");
    }

    [Fact]
    public void A_file_replaced_after_it_was_opened_is_refused()
    {
        using var run = new Run(OptimizerOf("Adam"));
        var path = _folder.Path("run.ckpt");
        CheckpointFile.Save(path, new Header(0, 0), run.Parts);
        var file = CheckpointFile.Open(path);
        run.Step(1);
        CheckpointFile.Save(path, new Header(1, 0), run.Parts);

        file.Invoking(f => f.Restore(run.Parts)).Should().Throw<InvalidDataException>().WithMessage("*replaced since it was opened");
    }

    [Fact]
    public void Names_of_parts_are_checked()
    {
        using var random = new Generator(1);
        var parts = new CheckpointParts().Generator("random", random);
        Refuses(() => parts.Generator("random", random), "there is a part 'random' already");
        Refuses(() => parts.Generator("../random", random), "'../random'");
        Refuses(() => parts.Generator(" ", random), "name");
        Refuses(() => parts.Generator("a\ud800", random), "the name of a part has half of a surrogate pair, \\ud800, at 1");
        Refuses(() => parts.Generator(new string('\u00e9', 16_385), random), "the name of a part must have at most 32768 bytes but has 32770");
        CheckpointFile.Save(_folder.Path("names.ckpt"), 1, parts.Generator(new string('\u00e9', 16_384), random).Generator("..", random).Generator("\ud83d\ude00", random));
        CheckpointFile.Open(_folder.Path("names.ckpt")).Restore(parts);
    }

    [Fact]
    public void Saving_and_restoring_leave_no_tensor_behind()
    {
        // SafeAdamW in place of TorchSharp's optimiser, whose own loading leaves its old moments to the collector.
        using var tower = nn.Linear(3, 3);
        using var optimizer = new SafeAdamW(tower.named_parameters(), 0.1);
        using var random = new Generator(1);
        var parts = new CheckpointParts().Module("tower", tower).Module("optimizer", optimizer).Generator("random", random);
        TensorCount.ShouldStay(
            () =>
            {
                CheckpointFile.Save(_folder.Path("run.ckpt"), 1, parts);
                CheckpointFile.Open(_folder.Path("run.ckpt")).Restore(parts);
            },
            times: 3);
    }

    private static CheckpointParts Twins(Linear left, Linear right, OptimizerHelper optimizer)
        => new CheckpointParts().Module("left", left).Module("right", right).Optimizer("optimizer", optimizer);

    [Fact]
    public void Optimisers_are_restored_by_the_names_of_their_parameters()
    {
        using var left = nn.Linear(2, 2, hasBias: false);
        using var right = nn.Linear(2, 2, hasBias: false);
        Parameter[] order = [left.weight!, right.weight!], reversed = [right.weight!, left.weight!];
        var path = _folder.Path("run.ckpt");

        using var saved = optim.Adam(order, 0.1);
        using var turned = optim.Adam(reversed, 0.1);
        CheckpointFile.Save(path, 1, Twins(left, right, saved));
        CheckpointFile.Open(path).Restore(Twins(left, right, saved));
        CheckpointFile.Open(path).Invoking(file => file.Restore(Twins(left, right, turned)))
            .Should().Throw<InvalidDataException>().WithMessage("*'optimizer'*Adam: left.weight Float32(2,2); right.weight*but here*Adam: right.weight Float32(2,2); left.weight*");
        Refuses(
            () => CheckpointFile.Save(path, 1, new CheckpointParts().Module("left", left).Optimizer("optimizer", saved)),
            "parameters[1] of an optimiser is in no module of the checkpoint");

        // SafeAdamW takes each one's own, whatever the order.
        using var ours = new SafeAdamW([("left", left), ("right", right)], 0.1);
        left.weight!.grad = ones(2, 2);
        ours.step();
        CheckpointFile.Save(path, 1, new CheckpointParts().Module("optimizer", ours));
        using var oursTurned = new SafeAdamW([("right", right), ("left", left)], 0.1);
        CheckpointFile.Open(path).Restore(new CheckpointParts().Module("optimizer", oursTurned));
        oursTurned.state_dict()["step.left.weight"].item<long>().Should().Be(1);
        oursTurned.state_dict()["step.right.weight"].item<long>().Should().Be(0);
        oursTurned.state_dict()["mean.left.weight"].eq(ours.state_dict()["mean.left.weight"]).all().item<bool>().Should().BeTrue();

        using var other = new SafeAdamW([("left", left), ("Right", right)], 0.1);
        CheckpointFile.Open(path).Invoking(file => file.Restore(new CheckpointParts().Module("optimizer", other)))
            .Should().Throw<InvalidDataException>().WithMessage("*'optimizer'*right.weight*but here*Right.weight*");
    }

    [Fact]
    public void An_optimiser_that_TorchSharp_could_not_read_again_is_refused()
    {
        // 600 million weights, of which the meta device holds none.
        using var large = nn.Linear(20_000, 30_000, hasBias: false, device: META);
        using var optimizer = optim.SGD(large.parameters(), 0.1);
        var part = new CheckpointParts().Module("large", large).Optimizer("optimizer", optimizer).All["optimizer"];
        Refuses(() => part.Writer(), "parameters[0] of a SGD is Float32(30000,20000), and TorchSharp cannot read state of more than 2147483591 bytes: use SafeAdamW");
    }

    [Theory]
    [InlineData("compressed", "its entry 'header.json' of 1002 bytes takes *, but checkpoints are neither compressed nor encrypted")]
    [InlineData("twice", "it has an entry 'header.json' twice")]
    [InlineData("more", "it has an entry 'parts/other' that its manifest has not")]
    public void Entries_that_no_checkpoint_has_are_refused(string how, string message)
    {
        var path = _folder.Path("run.ckpt");
        CheckpointFile.Save(path, new string('x', 1000), new CheckpointParts());
        var entries = new List<(string Name, byte[] Content)>();
        using (var zip = System.IO.Compression.ZipFile.OpenRead(path))
        {
            foreach (var entry in zip.Entries)
            {
                using var stream = entry.Open();
                using var content = new MemoryStream();
                stream.CopyTo(content);
                entries.Add((entry.FullName, content.ToArray()));
            }
        }

        if (how == "twice") entries.Add(entries[0]);
        if (how == "more") entries.Add(("parts/other", [1]));
        File.Delete(path);
        using (var zip = System.IO.Compression.ZipFile.Open(path, System.IO.Compression.ZipArchiveMode.Create))
        {
            foreach (var (name, content) in entries)
            {
                using var stream = zip.CreateEntry(
                    name, how == "compressed" ? System.IO.Compression.CompressionLevel.Optimal : System.IO.Compression.CompressionLevel.NoCompression).Open();
                stream.Write(content);
            }
        }

        FluentActions.Invoking(() => CheckpointFile.Open(path)).Should().Throw<InvalidDataException>().WithMessage($"{path}: no usable checkpoint: {message}");
    }

    [Theory]
    [InlineData(8, 0)]
    [InlineData(12, 0)]
    [InlineData(17, 0xff)]
    [InlineData(5052, 2)]
    public void A_state_that_no_generator_has_is_refused(int at, byte value)
    {
        using var random = new Generator(1);
        var part = new CheckpointParts().Generator("random", random).All["random"];
        using var saved = new MemoryStream();
        part.Writer()(saved);
        var state = saved.ToArray();
        using (part.Stage(new MemoryStream(state), state.Length))
        {
        }

        // Libtorch would end the process.
        state[at] = value;
        state[at + 1] = value;
        part.Invoking(p => p.Stage(new MemoryStream(state), state.Length)).Should().Throw<InvalidDataException>().WithMessage("*none that a generator can have");
        part.Invoking(p => p.Stage(new MemoryStream(state), 16)).Should().Throw<InvalidDataException>().WithMessage("*5056 bytes here but 16 in the checkpoint");
    }

    [Fact]
    public void What_is_written_in_pieces_is_read_in_any_others()
    {
        var random = new Random(3);
        using var stream = new LongMemoryStream();
        using var plain = new MemoryStream();
        for (var i = 0; i < 400; i++)
        {
            var piece = new byte[random.Next(i * 100 + 1)];
            random.NextBytes(piece);
            stream.Write(piece);
            plain.Write(piece);
        }

        for (var time = 0; time < 2; time++)
        {
            stream.Rewind();
            using var read = new MemoryStream();
            var buffer = new byte[300_000];
            while (stream.Read(buffer.AsSpan(0, random.Next(1, buffer.Length))) is > 0 and var count)
                read.Write(buffer.AsSpan(0, count));
            read.ToArray().Should().Equal(plain.ToArray());
        }

        using var empty = new LongMemoryStream();
        empty.Rewind();
        empty.ReadByte().Should().Be(-1);
        empty.Write([5]);
        empty.ReadByte().Should().Be(5);
        empty.ReadByte().Should().Be(-1);
    }
}
