namespace Contrastive.Documentation.Tests;

public class ApiIndexTests
{
    [Fact]
    public void Every_public_type_has_a_summary()
    {
        var bare = ApiIndex.Libraries.SelectMany(library => ApiIndex.TypesOf(library)
            .Where(type => XmlDocumentation.Of(library).Summary(type).Length == 0).Select(type => type.FullName));
        bare.Should().BeEmpty();
    }

    [Fact]
    public void The_index_is_that_of_the_present_code()
    {
        var path = Path.Combine(Repository.Root, ApiIndex.Page);
        var expected = ApiIndex.Generate();
        if (Environment.GetEnvironmentVariable("UPDATE_API_INDEX") == "1") File.WriteAllText(path, expected);

        var present = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        string[] wanted = expected.Split('\n'), written = present.Split('\n');
        var difference = wanted.Except(written).Select(line => $"missing: {line}").Concat(written.Except(wanted).Select(line => $"left over: {line}"));
        present.Should().Be(expected, "{0} is out of date; run with UPDATE_API_INDEX=1 to write it anew:\n{1}", ApiIndex.Page, string.Join('\n', difference));
    }
}
