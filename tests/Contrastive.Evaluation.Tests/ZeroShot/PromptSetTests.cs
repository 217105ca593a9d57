namespace Contrastive.Evaluation.Tests;

public class PromptSetTests
{
    [Fact]
    public void Every_template_takes_every_class_name()
    {
        var prompts = PromptSet.FromTemplates(["cat", "red fox"], ["a photo of a {}.", "{}, or {}"]);
        prompts.ClassNames.Should().Equal("cat", "red fox");
        prompts.Texts.Should().Equal("a photo of a cat.", "cat, or cat", "a photo of a red fox.", "red fox, or red fox");
        prompts.ClassOfText.Should().Equal(0, 0, 1, 1);
    }

    [Fact]
    public void A_name_with_braces_is_not_a_template()
        => PromptSet.FromTemplates(["{}"], ["the {} sign"]).Texts.Should().Equal("the {} sign");

    [Fact]
    public void Classes_can_have_prompts_of_their_own()
    {
        var prompts = PromptSet.Of([("crane", ["a bird", "a tall bird"]), ("crane", ["a machine"])]);
        prompts.Texts.Should().Equal("a bird", "a tall bird", "a machine");
        prompts.ClassOfText.Should().Equal(0, 0, 1);
        prompts.ClassNames.Should().Equal("crane", "crane");
    }

    [Fact]
    public void The_templates_it_ships_are_templates()
        => PromptSet.FromTemplates(["owl"], [.. PromptTemplates.Photo, .. PromptTemplates.ImageNetSubset]).Texts
            .Should().HaveCount(8).And.OnlyHaveUniqueItems().And.OnlyContain(text => text.Contains("owl", StringComparison.Ordinal));

    [Fact]
    public void Refuses_what_is_no_prompt()
    {
        RetrievalTests.Refuses(() => PromptSet.FromTemplates(null!, ["{}"]), "classNames");
        RetrievalTests.Refuses(() => PromptSet.FromTemplates([], ["{}"]), "classNames", "0 texts");
        RetrievalTests.Refuses(() => PromptSet.FromTemplates(["cat", " "], ["{}"]), "classNames", "\" \" at 1");
        RetrievalTests.Refuses(() => PromptSet.FromTemplates(["cat"], []), "templates", "0 texts");
        RetrievalTests.Refuses(() => PromptSet.FromTemplates(["cat"], ["a photo"]), "templates", "{}", "a photo");
        RetrievalTests.Refuses(() => PromptSet.Of([("cat", [])]), "classes[cat]", "0 texts");
        RetrievalTests.Refuses(() => PromptSet.Of([("cat", [null!])]), "classes[cat]");
    }
}
