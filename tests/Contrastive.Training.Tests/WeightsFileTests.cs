using System.Text;
using System.Text.Json;
using CsCheck;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Contrastive.Training.Tests;

public sealed class WeightsFileTests : IDisposable
{
    private static readonly ScalarType[] Dtypes =
    [
        ScalarType.Bool, ScalarType.Byte, ScalarType.Int8, ScalarType.Int16, ScalarType.Int32, ScalarType.Int64,
        ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64,
    ];

    private readonly TemporaryFolder _folder = new();

    private string File => _folder.Path("weights.safetensors");

    public void Dispose() => _folder.Dispose();

    /// <summary>Any bits at all, so NaNs with payloads, denormals and infinities as well; a bool's are 0 or 1.</summary>
    private static Tensor AnyBits(int seed, ScalarType dtype, params long[] shape)
    {
        var tensor = empty(shape, dtype: dtype);
        var bytes = tensor.bytes;
        new Random(seed).NextBytes(bytes);
        if (dtype == ScalarType.Bool)
        {
            foreach (ref var value in bytes)
                value &= 1;
        }

        return tensor;
    }

    private static byte[] Bytes(Tensor tensor) => tensor.detach().contiguous().bytes.ToArray();

    [Fact]
    public void Any_tensors_come_back_bit_for_bit_and_lie_where_the_format_wants_them()
    {
        var tensor = Gen.Select(Gen.Int[0, Dtypes.Length - 1], Gen.Long[0, 5].Array[0, 4], Gen.Int);
        Gen.Select(Gen.Char["ab.0_ \"\\\n\u00e9\u4e2d"].Array[1, 8], tensor).List[0, 6].Check(drawn =>
        {
            var tensors = new Dictionary<string, Tensor>();
            foreach (var (name, (dtype, shape, seed)) in drawn)
                tensors[new string(name)] = AnyBits(seed, Dtypes[dtype], shape);

            WeightsFile.Save(File, tensors);
            var read = WeightsFile.Load(File);

            read.Keys.Should().BeEquivalentTo(tensors.Keys);
            foreach (var (name, value) in tensors)
            {
                read[name].dtype.Should().Be(value.dtype);
                read[name].shape.Should().Equal(value.shape);
                Bytes(read[name]).Should().Equal(Bytes(value));
            }

            // The layout, read without the library.
            var bytes = System.IO.File.ReadAllBytes(File);
            var length = (int)BitConverter.ToUInt64(bytes);
            (length % 8).Should().Be(0);
            using var header = JsonDocument.Parse(bytes.AsMemory(8, length));
            foreach (var (name, value) in tensors)
            {
                var offsets = header.RootElement.GetProperty(name).GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt32()).ToArray();
                (offsets[0] % value.ElementSize).Should().Be(0);
                bytes[(8 + length + offsets[0])..(8 + length + offsets[1])].Should().Equal(Bytes(value));
            }
        });
    }

    [Fact]
    public void The_file_is_the_one_the_format_describes()
    {
        using var tensor = torch.tensor(new[] { 1f, -2f });

        WeightsFile.Save(File, new Dictionary<string, Tensor> { ["w"] = tensor });

        var header = """{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";
        var padded = header.PadRight((header.Length + 7) / 8 * 8);
        System.IO.File.ReadAllBytes(File).Should().Equal([.. BitConverter.GetBytes((long)padded.Length), .. Encoding.UTF8.GetBytes(padded), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
    }

    [Fact]
    public void Views_are_written_as_they_read_and_order_and_repetition_change_nothing()
    {
        using var scope = NewDisposeScope();
        var whole = Draw.Normal(1, 6, 4);
        Tensor[] views = [whole.t(), whole.narrow(0, 2, 3), whole.narrow(1, 1, 2), whole.slice(0, 0, 6, 2), whole[0, 0], whole[0].expand(3, 4)];
        var tensors = views.Index().ToDictionary(view => $"v{view.Index}", view => view.Item);

        WeightsFile.Save(File, tensors);
        WeightsFile.Save(_folder.Path("again"), tensors.Reverse().ToDictionary());

        System.IO.File.ReadAllBytes(_folder.Path("again")).Should().Equal(System.IO.File.ReadAllBytes(File));
        var read = WeightsFile.Load(File, CPU);
        foreach (var (name, value) in tensors)
            Bytes(read[name]).Should().Equal(Bytes(value), name);
    }

    [Fact]
    public void A_tensor_larger_than_a_piece_is_whole()
    {
        using var scope = NewDisposeScope();
        var tensor = AnyBits(2, ScalarType.Int64, (1 << 21) + 3);
        WeightsFile.Save(File, new Dictionary<string, Tensor> { ["w"] = tensor });
        WeightsFile.Load(File)["w"].eq(tensor).all().item<bool>().Should().BeTrue();
    }

    [Fact]
    public void A_view_that_is_negated_on_reading_is_written_as_it_reads()
    {
        using var scope = NewDisposeScope();
        var view = complex(ones(1), ones(1)).conj().imag;
        view.is_neg().Should().BeTrue();
        WeightsFile.Save(File, new Dictionary<string, Tensor> { ["a"] = view });
        WeightsFile.Load(File)["a"].item<float>().Should().Be(-1);
    }

    [Fact]
    public void Metadata_comes_back_and_the_header_alone_says_what_is_there()
    {
        using var scope = NewDisposeScope();
        WeightsFile.Save(
            File,
            new Dictionary<string, Tensor> { ["a"] = zeros(2, 0), ["b"] = torch.tensor(1.0) },
            new Dictionary<string, string> { ["epoch"] = "3", ["note"] = "\u00e9 \"quoted\"\n" });

        var header = WeightsFile.ReadHeader(File);

        header.Metadata.Should().BeEquivalentTo(new Dictionary<string, string> { ["epoch"] = "3", ["note"] = "\u00e9 \"quoted\"\n", ["format"] = "pt" });
        header.Tensors["a"].Should().BeEquivalentTo(new WeightsEntry(ScalarType.Float32, [2, 0]));
        header.Tensors["b"].Should().BeEquivalentTo(new WeightsEntry(ScalarType.Float64, []));
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly Linear linear;
        private readonly Tensor running;

        public Block(long width)
            : base(nameof(Block))
        {
            linear = nn.Linear(width, width);
            running = zeros(width);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => linear.call(input).add(running);
    }

    private sealed class Encoder : nn.Module<Tensor, Tensor>
    {
        private readonly Sequential tower;
        private readonly ModuleList<Block> blocks;
        private readonly BatchNorm1d norm;
        private readonly Block _head;

        public Encoder(long width = 3)
            : base(nameof(Encoder))
        {
            tower = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width));
            blocks = new ModuleList<Block>(new Block(width), new Block(width));
            norm = nn.BatchNorm1d(width);
            _head = new Block(width);
            RegisterComponents();
            register_buffer("scratch", zeros(1), persistent: false);
        }

        public override Tensor forward(Tensor input) => _head.call(blocks[1].call(blocks[0].call(norm.call(tower.call(input)))));

        public byte[] State() => [.. state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).SelectMany(t => Bytes(t.Value))];
    }

    private static string Rename(string name) => name.Replace("_head", "head", StringComparison.Ordinal);

    [Fact]
    public void Names_are_PyTorchs()
    {
        using var encoder = new Encoder();

        WeightsFile.Save(File, encoder, rename: Rename);

        WeightsFile.ReadHeader(File).Tensors.Keys.Should().BeEquivalentTo(
            "tower.0.weight", "tower.0.bias", "tower.2.weight", "tower.2.bias",
            "blocks.0.linear.weight", "blocks.0.linear.bias", "blocks.0.running",
            "blocks.1.linear.weight", "blocks.1.linear.bias", "blocks.1.running",
            "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked",
            "head.linear.weight", "head.linear.bias", "head.running");
    }

    [Fact]
    public void A_module_comes_back_bit_for_bit_and_trains_on()
    {
        using var saved = new Encoder();
        saved.call(rand(5, 2)).sum().backward();
        WeightsFile.Save(File, saved, rename: Rename);
        using var loaded = new Encoder();
        loaded.State().Should().NotEqual(saved.State());

        var unread = WeightsFile.LoadInto(File, loaded, rename: Rename);

        loaded.State().Should().Equal(saved.State());
        unread.Should().BeEquivalentTo(new UnreadNames([], []));
        loaded.parameters().Should().OnlyContain(parameter => parameter.requires_grad && parameter.is_leaf);
    }

    [Fact]
    public void A_file_that_does_not_fit_says_all_that_is_wrong_and_changes_nothing()
    {
        using var encoder = new Encoder();
        var before = encoder.State();
        void Refused(nn.Module saved, string message, Func<string, string>? rename = null)
        {
            WeightsFile.Save(File, saved);
            FluentActions.Invoking(() => WeightsFile.LoadInto(File, encoder, rename: rename)).Should().Throw<InvalidDataException>().WithMessage($"{File}: {message}");
            encoder.State().Should().Equal(before);
        }

        using var wider = new Encoder(4);
        Refused(wider, "it does not fit the module: 'tower.0.weight' is Float32 (4, 2) there but Float32 (3, 2) here; *; and * more");
        using var half = new Encoder();
        half.to(ScalarType.Float16);
        Refused(half, "*'tower.0.weight' is Float16 (3, 2) there but Float32 (3, 2) here*");
        using var part = nn.Sequential(("tower", nn.Sequential(nn.Linear(2, 3))), ("extra", nn.Linear(1, 1, hasBias: false)));
        Refused(part, "*it has no 'tower.2.weight'*");
        // A shape that would broadcast is another shape still.
        using var one = nn.Linear(1, 1);
        using var five = nn.Linear(1, 5);
        WeightsFile.Save(File, one);
        FluentActions.Invoking(() => WeightsFile.LoadInto(File, five)).Should().Throw<InvalidDataException>().WithMessage("*(1, 1) there but Float32 (5, 1) here*");
        Refused(encoder, "*it has no 'head.running'*", Rename);
    }

    [Fact]
    public void Left_over_names_are_refused_or_given_back()
    {
        using var two = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2));
        using var one = nn.Sequential(nn.Linear(2, 2, hasBias: false), nn.ReLU(), nn.Linear(2, 2));
        WeightsFile.Save(File, two);

        FluentActions.Invoking(() => WeightsFile.LoadInto(File, one)).Should().Throw<InvalidDataException>().WithMessage("*it has no '2.weight'*the module has no '0.bias'*");
        var unread = WeightsFile.LoadInto(File, one, strict: false);

        unread.Missing.Should().BeEquivalentTo("2.weight", "2.bias");
        unread.Unexpected.Should().BeEquivalentTo("0.bias", "1.weight", "1.bias");
        Bytes(one.state_dict()["0.weight"]).Should().Equal(Bytes(two.state_dict()["0.weight"]));
    }

    private sealed class Tied : nn.Module
    {
        private readonly Parameter left;
        private readonly Parameter right;

        public Tied(Parameter left, Parameter right)
            : base(nameof(Tied))
        {
            (this.left, this.right) = (left, right);
            RegisterComponents();
        }
    }

    [Fact]
    public void A_shared_tensor_is_there_under_its_first_name_and_comes_back_as_one()
    {
        using var weight = new Parameter(ones(2));
        using var tied = new Tied(weight, weight);
        WeightsFile.Save(File, tied);
        using (no_grad()) weight.zero_();

        WeightsFile.LoadInto(File, tied);

        WeightsFile.ReadHeader(File).Tensors.Keys.Should().Equal("left");
        weight.eq(ones(2)).all().item<bool>().Should().BeTrue();
        // Given by hand it is written as often as it is named.
        WeightsFile.Save(File, new Dictionary<string, Tensor> { ["left"] = weight, ["right"] = weight });
        WeightsFile.ReadHeader(File).Tensors.Keys.Should().BeEquivalentTo("left", "right");
    }

    [Fact]
    public void What_has_no_place_in_the_format_is_refused_before_anything_is_written()
    {
        using var scope = NewDisposeScope();
        void Refused(string name, Tensor tensor, string message)
            => Refuses(() => WeightsFile.Save(File, new Dictionary<string, Tensor> { [name] = tensor }), message);

        Refused("z", zeros(2, dtype: ScalarType.ComplexFloat64), "'z' is ComplexFloat64, but the format takes BOOL*");
        Refused("__metadata__", zeros(2), "'__metadata__' cannot be the name of a tensor");
        Refused("", zeros(2), "'' cannot be the name of a tensor");
        Refused("s", zeros(2, 2).to_sparse(), "'s' is sparse");
        Refused("n", null!, "'n' is null or disposed");
        var gone = zeros(2);
        gone.Dispose();
        Refused("d", gone, "'d' is null or disposed");
        Refuses(
            () => WeightsFile.Save(File, new Dictionary<string, Tensor>(), new Dictionary<string, string> { ["author"] = null! }),
            "the value of 'author' is null");
        using var linear = nn.Linear(1, 1);
        Refuses(() => WeightsFile.Save(File, linear, rename: _ => "x"), "two tensors of the module would be called 'x'");
        System.IO.File.Exists(File).Should().BeFalse();
    }

    private static Dictionary<string, string> Metadata(string name, string text) => new() { [name] = text };

    [Fact]
    public void What_could_not_be_read_again_is_refused_and_the_old_file_stays()
    {
        using var scope = NewDisposeScope();
        var good = new Dictionary<string, Tensor> { ["a"] = ones(2) };
        WeightsFile.Save(File, good);
        var before = System.IO.File.ReadAllBytes(File);
        var half = "\ud800";
        var tooLong = new string('x', 100_000_000);

        Refuses(() => WeightsFile.Save(File, new Dictionary<string, Tensor> { ["a" + half] = ones(2) }), "the name of a tensor has half of a surrogate pair, \\ud800, at 1");
        Refuses(() => WeightsFile.Save(File, good, Metadata(half + "b", "")), "a name in the metadata has half of a surrogate pair, \\ud800, at 0");
        Refuses(() => WeightsFile.Save(File, good, Metadata("b", "\udc00\ud800")), "the metadata 'b' has half of a surrogate pair, \\udc00, at 0");
        Refuses(() => WeightsFile.Save(File, good, Metadata("b", tooLong)), "names and metadata take 100000");
        Refuses(() => WeightsFile.Save(File, new Dictionary<string, Tensor> { [tooLong] = ones(2) }), "names and metadata take 100000");
        Refuses(() => WeightsFile.Save(File, new Dictionary<string, Tensor> { ["a"] = empty(2, device: META) }), "'a' is on the device meta");
        var bad = zeros(2, dtype: ScalarType.Bool);
        bad.bytes[1] = 2;
        Refuses(() => WeightsFile.Save(File, new Dictionary<string, Tensor> { ["a"] = bad }), "'a' is BOOL but holds bytes other than 0 and 1");

        System.IO.File.ReadAllBytes(File).Should().Equal(before);
        Directory.GetFileSystemEntries(_folder.Root).Should().Equal(File);
        // Whole pairs are what they are.
        WeightsFile.Save(File, good, Metadata("\ud83d\ude00", "\ud83d\ude00"));
        WeightsFile.ReadHeader(File).Metadata["\ud83d\ude00"].Should().Be("\ud83d\ude00");
    }

    [Fact]
    public void A_header_of_the_largest_size_is_written_and_read()
    {
        using var scope = NewDisposeScope();
        var good = new Dictionary<string, Tensor> { ["a"] = ones(2) };
        WeightsFile.Save(File, good, Metadata("b", ""));
        var other = BitConverter.ToInt32(System.IO.File.ReadAllBytes(File));
        var text = new string('x', 100_000_000 - other);

        WeightsFile.Save(File, good, Metadata("b", text));

        WeightsFile.ReadHeader(File).Metadata["b"].Should().HaveLength(text.Length);
        Refuses(() => WeightsFile.Save(File, good, Metadata("b", text + new string('x', 8))), "names and metadata take 100000008");
    }

    [Fact]
    public void A_failed_write_leaves_the_old_file()
    {
        using var scope = NewDisposeScope();
        WeightsFile.Save(File, new Dictionary<string, Tensor> { ["a"] = ones(2) });
        var before = System.IO.File.ReadAllBytes(File);

        // The first is gone when its turn comes, after the second, which is wider.
        var (first, second) = (ones(2), ones(2, dtype: ScalarType.Float64));
        var tensors = new Dictionary<string, Tensor> { ["a"] = first, ["b"] = second };
        FluentActions.Invoking(() => AtomicFile.Write(File, stream =>
        {
            var writer = new SafetensorsWriter(tensors, new Dictionary<string, string>(), "tensors");
            first.Dispose();
            writer.Write(stream);
        })).Should().Throw<Exception>();

        System.IO.File.ReadAllBytes(File).Should().Equal(before);
        Directory.GetFileSystemEntries(_folder.Root).Should().Equal(File);
    }

    public static TheoryData<string, int, string> Malformed => new()
    {
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "take 8 bytes but 7 follow" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "take 8 bytes but 9 follow" },
        { """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "takes 12 bytes, but its data has 8" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "offsets [8, 0]" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""", 8, "offsets [-8, 0]" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,16]}}""", 8, "offsets [0, 8, 16]" },
        { """{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}""", 8, "shape (-1, -2)" },
        { """{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "too large" },
        { """{"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "too large" },
        { """{"a":{"dtype":"F32","shape":[1e30],"data_offsets":[0,8]}}""", 8, "damaged" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "begins at 4 but what lies before it ends at 0" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "'b' begins at 4 but what lies before it ends at 8" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12, "'b' begins at 8" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999]}}""", 8, "its data has 99999999999" },
        { """{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}""", 8, "'a' is F8_E4M3, but TorchSharp has BOOL" },
        { """{"a":{"dtype":7,"shape":[8],"data_offsets":[0,8]}}""", 8, "damaged" },
        { """{"a":{"dtype":null,"shape":[8],"data_offsets":[0,8]}}""", 8, "'a' is null, but TorchSharp has BOOL" },
        { """{"a":{"shape":[8],"data_offsets":[0,8]}}""", 8, "'a' has no dtype" },
        { """{"a":{"dtype":"U8","data_offsets":[0,8]}}""", 8, "'a' has no shape" },
        { """{"a":{"dtype":"U8","shape":[8]}}""", 8, "'a' has no data_offsets" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}""", 8, "has 'a' twice" },
        { """{"a":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}}""", 4, "has 'dtype' twice" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"\u0073hape":[4]}}""", 4, "has 'shape' twice" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"more":[{"x":1,"x":1}]}}""", 4, "has 'x' twice" },
        { """{"__metadata__":{"k":"1","k":"2"}}""", 0, "has 'k' twice" },
        { $$$"""{"a":{"dtype":"U8","shape":[{{{string.Join(',', Enumerable.Repeat(1, 65))}}}],"data_offsets":[0,1]}}""", 1, "has 65 dimensions" },
        { """{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}""", 1, "bytes other than 0 and 1" },
        { """{"a":7}""", 0, "damaged" },
        { """{"__metadata__":{"a":1}}""", 0, "damaged" },
        { """{"__metadata__":{"a":null}}""", 0, "its metadata 'a' is not text" },
        { """{"__metadata__":[]}""", 0, "damaged" },
        { """ {}""", 0, "does not begin with '{'" },
        { """{""", 0, "damaged" },
        { """[]""", 0, "does not begin with '{'" },
        { "", 0, "does not begin with '{'" },
        { "{\"\ud800\":1}", 0, "damaged" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_malformed_file_is_refused(string header, int dataLength, string message)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var data = Enumerable.Repeat((byte)7, dataLength);
        System.IO.File.WriteAllBytes(File, [.. BitConverter.GetBytes((long)json.Length), .. json, .. data]);

        ShouldRefuse(message);
    }

    [Fact]
    public void A_file_cut_anywhere_or_with_a_header_too_long_is_refused()
    {
        using var scope = NewDisposeScope();
        WeightsFile.Save(File, new Dictionary<string, Tensor> { ["a"] = ones(3), ["b"] = ones(2, dtype: ScalarType.Bool) });
        var good = System.IO.File.ReadAllBytes(File);
        for (var length = 0; length < good.Length; length++)
        {
            System.IO.File.WriteAllBytes(File, good[..length]);
            ShouldRefuse("");
        }

        foreach (var claimed in new[] { ulong.MaxValue, 100_000_001UL, 1_000UL })
        {
            System.IO.File.WriteAllBytes(File, [.. BitConverter.GetBytes(claimed), .. good[8..]]);
            ShouldRefuse($"its header would have {claimed} bytes");
        }
    }

    [Fact]
    public void A_folder_is_no_file_and_says_so()
        => FluentActions.Invoking(() => WeightsFile.Load(_folder.Root)).Should().Throw<IOException>().WithMessage($"{_folder.Root}: cannot be read: *");

    [Fact]
    public void A_missing_file_is_named()
        => FluentActions.Invoking(() => WeightsFile.Load(File)).Should().Throw<FileNotFoundException>().WithMessage($"{File}: no such file");

    [Fact]
    public void Saving_and_loading_leave_no_tensor_behind()
    {
        using var encoder = new Encoder();
        TensorCount.ShouldStay(
            () =>
            {
                WeightsFile.Save(File, encoder);
                WeightsFile.LoadInto(File, encoder);
                foreach (var tensor in WeightsFile.Load(File).Values)
                    tensor.Dispose();
                using var scope = NewDisposeScope();
                WeightsFile.Load(File);
            },
            times: 3);
    }

    private void ShouldRefuse(string message)
        => FluentActions.Invoking(() => WeightsFile.Load(File)).Should().Throw<InvalidDataException>().WithMessage($"{File}: *{message}*");
}
