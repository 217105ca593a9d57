using System.Buffers.Binary;
using Contrastive.Samples.AlignFeatures;

namespace Contrastive.Samples.Tests.AlignFeatures;

public sealed class FeatureFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, byte[]> Dtypes => new()
    {
        { "<f2", NpyBytes.Of("<f2", "(2, 3)", new[] { (Half)1, (Half)2, (Half)3, (Half)4, (Half)5, (Half)6 }) },
        { "<f4", NpyBytes.Of("<f4", "(2, 3)", new[] { 1f, 2, 3, 4, 5, 6 }) },
        { "<f8", NpyBytes.Of("<f8", "(2, 3)", new[] { 1.0, 2, 3, 4, 5, 6 }) },
        { "|i1", NpyBytes.Of("|i1", "(2, 3)", new sbyte[] { 1, 2, 3, 4, 5, 6 }) },
        { "<i2", NpyBytes.Of("<i2", "(2, 3)", new short[] { 1, 2, 3, 4, 5, 6 }) },
        { "<i4", NpyBytes.Of("<i4", "(2, 3)", new[] { 1, 2, 3, 4, 5, 6 }) },
        { "<i8", NpyBytes.Of("<i8", "(2, 3)", new[] { 1L, 2, 3, 4, 5, 6 }) },
        { "|u1", NpyBytes.Of("|u1", "(2, 3)", new byte[] { 1, 2, 3, 4, 5, 6 }) },
        { "<u2", NpyBytes.Of("<u2", "(2, 3)", new ushort[] { 1, 2, 3, 4, 5, 6 }) },
        { "<u4", NpyBytes.Of("<u4", "(2, 3)", new uint[] { 1, 2, 3, 4, 5, 6 }) },
        { "<u8", NpyBytes.Of("<u8", "(2, 3)", new ulong[] { 1, 2, 3, 4, 5, 6 }) },
        { ">f4", NpyBytes.Of(">f4", "(2, 3)", new[] { 1f, 2, 3, 4, 5, 6 }.Select(x => BinaryPrimitives.ReverseEndianness(BitConverter.SingleToInt32Bits(x))).ToArray()) },
        { "format 2.0", NpyBytes.Of("<f4", "(2, 3)", new[] { 1f, 2, 3, 4, 5, 6 }, version: 2) },
        { "format 3.0", NpyBytes.Of("<f4", "(2, 3)", new[] { 1f, 2, 3, 4, 5, 6 }, version: 3) },
        { "column-major", NpyBytes.Of("<f4", "(2, 3)", new[] { 1f, 4, 2, 5, 3, 6 }, columnMajor: true) },
    };

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Features_are_read_from_npy(string dtype, byte[] bytes)
    {
        var matrix = FeatureFile.ReadFeatures(_folder.File("a.npy", bytes));

        (matrix.Rows, matrix.Columns).Should().Be((2, 3), dtype);
        matrix.Values.Should().Equal(1, 2, 3, 4, 5, 6);
    }

    [Theory]
    [InlineData("1,2,3\n4,5,6\n")]
    [InlineData("1,2,3\r\n4,5,6")]
    [InlineData("a,b,c\n1,2,3\n\n4,5,6\n")]
    [InlineData("\uFEFFa,b,c\n1.0,2e0, 3\n\"4\",+5,6\n")]
    public void Features_are_read_from_csv(string text)
    {
        var matrix = FeatureFile.ReadFeatures(_folder.File("a.csv", text));

        (matrix.Rows, matrix.Columns).Should().Be((2, 3));
        matrix.Values.Should().Equal(1, 2, 3, 4, 5, 6);
    }

    [Theory]
    [InlineData("1;2;3\n4;5;6\n")]
    [InlineData("a;b;c\n1;2;3\n4;5;6\n")]
    [InlineData("sep=;\n1;2;3\n4;5;6\n")]
    [InlineData("1\t2\t3\n4\t5\t6\n")]
    [InlineData("1|2|3\n4|5|6\n")]
    [InlineData("0,1,2\n1,2,3\n4,5,6\n")]
    [InlineData("0,1,2\n1.0,2.0,3.0\n4.0,5.0,6.0\n")]
    [InlineData("0;1;2\n1.0;2.0;3.0\n4.0;5.0;6.0\n")]
    public void Other_separators_and_numbered_columns_are_read_from_csv(string text) => Features_are_read_from_csv(text);

    /// <summary>What might be numbered columns but is not, or cannot be told to be.</summary>
    [Theory]
    [InlineData("0.0,1.0\n4,5\n", new float[] { 0, 1, 4, 5 })]
    [InlineData("1,2\n4,5\n", new float[] { 1, 2, 4, 5 })]
    [InlineData("0,2\n4,5\n", new float[] { 0, 2, 4, 5 })]
    [InlineData("0\n4\n5\n", new float[] { 0, 4, 5 })]
    [InlineData("0\n4.5\n5\n", new float[] { 4.5f, 5 })]
    public void Numbers_that_are_no_header_are_data(string text, float[] values)
        => FeatureFile.ReadFeatures(_folder.File("a.csv", text)).Values.Should().Equal(values);

    [Theory]
    [InlineData("0\n7\n3\n7\n", 3, new long[] { 1, 0, 1 })]
    [InlineData("0\ncat\nant\ncat\n", 3, new long[] { 1, 0, 1 })]
    [InlineData("0\n7\n3\n", 3, new long[] { 0, 2, 1 })]
    public void A_zero_is_the_header_of_labels_where_there_is_one_too_many(string text, int items, long[] ids)
        => FeatureFile.ReadLabels(_folder.File("l.csv", text), items).Ids.Should().Equal(ids);

    [Theory]
    [InlineData("7\n3\n7\n", new long[] { 1, 0, 1 })]
    [InlineData("id\n7\n3\n7\n", new long[] { 1, 0, 1 })]
    [InlineData("label\ncat\nant\ncat\n", new long[] { 1, 0, 1 })]
    [InlineData("cat\nant\nbee\n", new long[] { 2, 0, 1 })]
    [InlineData("10\n9\n", new long[] { 1, 0 })]
    public void Labels_are_read_from_csv_and_numbered_in_sorted_order(string text, long[] ids)
        => FeatureFile.ReadLabels(_folder.File("l.csv", text)).Ids.Should().Equal(ids);

    [Fact]
    public void Labels_are_read_from_npy_of_any_integer_dtype()
    {
        byte[][] files =
        [
            NpyBytes.Of("|i1", "(3,)", new sbyte[] { -5, 9, -5 }),
            NpyBytes.Of("<i2", "(3,)", new short[] { -5, 9, -5 }),
            NpyBytes.Of("<i4", "(3,)", new[] { -5, 9, -5 }),
            NpyBytes.Of("<i8", "(3,)", new[] { -5L, 9, -5 }),
            NpyBytes.Of("|u1", "(3,)", new byte[] { 5, 9, 5 }),
            NpyBytes.Of("<u2", "(3,)", new ushort[] { 5, 9, 5 }),
            NpyBytes.Of("<u4", "(3,)", new uint[] { 5, 9, 5 }),
            NpyBytes.Of("<u8", "(3,)", new ulong[] { 5, 9, 5 }),
        ];

        foreach (var file in files)
        {
            var labels = FeatureFile.ReadLabels(_folder.File("l.npy", file));
            labels.Ids.Should().Equal(0, 1, 0);
            labels.Classes.Should().Be(2);
        }
    }
}
