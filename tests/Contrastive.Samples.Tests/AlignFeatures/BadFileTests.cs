using System.Text;

namespace Contrastive.Samples.Tests.AlignFeatures;

/// <summary>What cannot be used is refused in one line that names the file and the cause, before anything is written.</summary>
public sealed class BadFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly byte[] Good = NpyBytes.Features(60, 3, (r, c) => r + c);

    public static TheoryData<string, byte[], string[]> Features => new()
    {
        { "empty.npy", [], ["the file is empty"] },
        { "magic.npy", [.. "this is not a NumPy file"u8], ["not a .npy file"] },
        { "header.npy", Good[..40], ["not a .npy file", "header"] },
        { "start.npy", Good[..5], ["not a .npy file", "magic"] },
        { "version.npy", [.. Good[..6], 9, .. Good[7..]], ["not a .npy file", "(9, 0)"] },
        { "damaged.npy", NpyBytes.WithHeader("{'descr': '<f4'}", []), ["not a .npy file", "keys"] },
        { "truncated.npy", Good[..^1], ["720 bytes", "719"] },
        { "junk.npy", [.. Good, 1, 2, 3], ["3 bytes too many"] },
        { "huge.npy", NpyBytes.WithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000), }", []), ["too large"] },
        { "long.npy", NpyBytes.WithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 40000), }", []), ["too large"] },
        { "objects.npy", NpyBytes.WithHeader("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }", new byte[8]), ["not a .npy file", "Object"] },
        { "complex.npy", NpyBytes.WithHeader("{'descr': '<c8', 'fortran_order': False, 'shape': (1, 1), }", new byte[8]), ["dtype Complex"] },
        { "text.npy", NpyBytes.WithHeader("{'descr': '<U4', 'fortran_order': False, 'shape': (1, 1), }", new byte[16]), ["'<U4'"] },
        { "wide.npy", NpyBytes.WithHeader("{'descr': '<f16', 'fortran_order': False, 'shape': (1, 1), }", new byte[16]), ["'<f16'"] },
        { "record.npy", NpyBytes.WithHeader("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 2), }", new byte[16]), ["Structured"] },
        { "rank1.npy", NpyBytes.Of("<f4", "(3,)", new[] { 1f, 2, 3 }), ["(3,)", "two dimensions"] },
        { "rank3.npy", NpyBytes.Of("<f4", "(1, 1, 3)", new[] { 1f, 2, 3 }), ["(1, 1, 3)"] },
        { "rows.npy", NpyBytes.Of<float>("<f4", "(0, 3)", []), ["no data", "(0, 3)"] },
        { "columns.npy", NpyBytes.Of<float>("<f4", "(3, 0)", []), ["no data", "(3, 0)"] },
        { "nan.npy", NpyBytes.Features(60, 3, (r, c) => (r, c) == (4, 1) ? float.NaN : 1), ["row 5, column 2", "NaN"] },
        { "infinite.npy", NpyBytes.Features(60, 3, (r, c) => (r, c) == (0, 2) ? float.NegativeInfinity : 1), ["row 1, column 3", "infinite"] },
        { "large.npy", NpyBytes.Of("<f8", "(1, 2)", new[] { 1, 1e300 }), ["row 1, column 2", "too large"] },
        { "empty.csv", [], ["the file is empty"] },
        { "blank.csv", [.. "\n\n"u8], ["no rows"] },
        { "header.csv", [.. "a,b\n"u8], ["no rows"] },
        { "ragged.csv", [.. "1,2\n3,4\n5\n"u8], ["line 3 has 1 cells", "has 2"] },
        { "ragged-header.csv", [.. "a,b,c\n3,4\n"u8], ["line 2 has 2 cells", "has 3"] },
        { "words.csv", [.. "a,b\n1,2\n3,four\n"u8], ["line 3, column 2", "'four'"] },
        { "half-header.csv", [.. "1,b\n1,2\n"u8], ["line 1, column 2", "'b'"] },
        { "hole.csv", [.. "1,2\n3,\n"u8], ["line 2, column 2", "''"] },
        { "nan.csv", [.. "1,2\n3,nan\n"u8], ["line 2, column 2", "'nan'", "finite"] },
        { "large.csv", [.. "1,2\n1e99,3\n"u8], ["line 2, column 1", "'1e99'"] },
        { "decimal-comma.csv", [.. "1,5;2,5\n3,5;4,5\n"u8], ["line 1, column 2", "'5;2'", "points, not with commas"] },
        { "decimal-comma-header.csv", [.. "a;b\n1,5;2,5\n"u8], ["line 2, column 1", "'1,5'", "points, not with commas"] },
        { "decimal-comma-tabs.csv", [.. "1,5\t2,5\n3,5\t4,5\n"u8], ["points, not with commas"] },
        { "spaces.csv", [.. "1.5 2\n3 4\n"u8], ["line 2, column 1", "'3 4'", "commas, semicolons or tabs, not spaces"] },
        { "index.csv", [.. ",a,b\n0,1,2\n1,3,5\n"u8], ["its first column has no name", "index=False"] },
        { "index-numbers.csv", [.. ",0,1\n0,1.5,2\n1,3,5\n"u8], ["its first column has no name", "index=False"] },
        { "index-read-again.csv", [.. "Unnamed: 0,0,1\n0,1.5,2\n1,3,5\n"u8], ["its first column has no name", "index=False"] },
        { "constant.csv", [.. "1,2\n1,2\n1,2\n"u8], ["all 3 rows are the same"] },
        { "constant.npy", NpyBytes.Features(60, 3, (_, c) => c), ["all 60 rows are the same"] },
        { "quote.csv", [.. "1,2\n\"3,4\n"u8], ["well-formed"] },
        { "latin1.csv", [.. "1,2\n3,"u8, 0xE9, .. "\n"u8], ["line 2", "UTF-8"] },
        { "table.txt", [.. "1,2\n"u8], ["'.txt'", ".npy and .csv"] },
    };

    [Theory]
    [MemberData(nameof(Features))]
    public void A_features_file_that_cannot_be_used_is_refused(string name, byte[] content, string[] words)
    {
        var good = _folder.File("good.npy", Good);
        var bad = _folder.File(name, content);

        RunProgram.ShouldRefuse(_folder, ["--left", bad, "--right", good], [bad + ":", .. words]);
        RunProgram.ShouldRefuse(_folder, ["--left", good, "--right", bad], [bad + ":", .. words]);
    }

    public static TheoryData<string, byte[], string[]> Labels => new()
    {
        { "floats.npy", NpyBytes.Of("<f4", "(60,)", new float[60]), ["dtype Single", "integers"] },
        { "bool.npy", NpyBytes.Of("|b1", "(60,)", new byte[60]), ["dtype Boolean"] },
        { "rank.npy", NpyBytes.Of("<i8", "(60, 1)", new long[60]), ["(60, 1)", "one dimension"] },
        { "truncated.npy", NpyBytes.Of("<i8", "(60,)", new long[59]), ["480 bytes", "472"] },
        { "none.npy", NpyBytes.Of<long>("<i8", "(0,)", []), ["no data"] },
        { "short.npy", NpyBytes.Of("<i8", "(59,)", new long[59]), ["59 labels", "60 rows"] },
        { "wide.csv", [.. "1,2\n"u8], ["line 1 has 2 cells"] },
        { "none.csv", [.. "label\n"u8], ["no labels"] },
        { "short.csv", [.. "1\n2\n"u8], ["2 labels", "60 rows"] },
        { "latin1.csv", [0xE9, .. "\n"u8], ["UTF-8"] },
        { "semicolons.csv", [.. "id;label\n0;cat\n1;dog\n"u8], ["line 1 has 2 cells between ';'", "one column"] },
    };

    [Theory]
    [MemberData(nameof(Labels))]
    public void A_labels_file_that_cannot_be_used_is_refused(string name, byte[] content, string[] words)
    {
        var good = _folder.File("good.npy", Good);
        var bad = _folder.File(name, content);

        RunProgram.ShouldRefuse(_folder, ["--left", good, "--right", good, "--labels", bad], [bad + ":", .. words]);
    }

    [Fact]
    public void Files_of_different_lengths_a_missing_file_and_a_folder()
    {
        var good = _folder.File("good.npy", Good);
        var other = _folder.File("other.npy", NpyBytes.Features(59, 2, (r, c) => r));
        var folder = Directory.CreateDirectory(_folder.Path("folder.csv")).FullName;
        var none = _folder.Path("none.npy");

        RunProgram.ShouldRefuse(_folder, ["--left", good, "--right", other], other, "59 rows", good, "60");
        RunProgram.ShouldRefuse(_folder, ["--left", good, "--right", none], none + ": no such file");
        RunProgram.ShouldRefuse(_folder, ["--left", folder, "--right", good], folder + ": is a folder");
    }

    [Fact]
    public void A_line_break_in_a_cell_stays_one_line_and_a_long_cell_is_cut()
    {
        var good = _folder.File("good.npy", Good);
        var bad = _folder.File("cell.csv", Encoding.UTF8.GetBytes($"1,2\n3,\"four\n{new string('x', 500)}\"\n"));

        RunProgram.ShouldRefuse(_folder, ["--left", good, "--right", bad], "cell.csv", "'four", "…");
    }
}
