namespace Contrastive.Evaluation.Tests;

public sealed class PromptTemplatesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string File(string text) => _folder.File("templates.txt", text);

    [Fact]
    public void A_file_has_a_template_a_line()
        => PromptTemplates.Read(File("# theirs\na photo of a {}.\r\n\n  the {}, again \n")).Should().Equal("a photo of a {}.", "the {}, again");

    [Fact]
    public void The_wide_set_is_wide()
    {
        PromptTemplates.Wide.Should().OnlyHaveUniqueItems().And.HaveCountGreaterThan(40);
        PromptSet.FromTemplates(["owl"], PromptTemplates.Wide).Texts.Should().OnlyContain(text => text.Contains("owl", StringComparison.Ordinal));
    }

    [Fact]
    public void Refuses_what_is_no_template()
    {
        RetrievalTests.Refuses(() => PromptTemplates.Read(null!), "path");
        RetrievalTests.Refuses(() => PromptTemplates.Read(File("# nothing\n\n")), "path", "0 templates in 2 lines");
        RetrievalTests.Refuses(() => PromptTemplates.Read(File("the {}\na photo")), "path", "line 2", "a photo");
    }
}
