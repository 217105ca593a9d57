using Contrastive.Samples.FusionModel.Data;

namespace Contrastive.Samples.Tests.FusionModel;

public sealed class DrawnTaskTests
{
    [Theory]
    [InlineData("Vqa")]
    [InlineData("Reasoning")]
    [InlineData("Reasoning", "Boxes")]
    [InlineData("Entailment")]
    public void Every_form_has_every_answer_equally_often_and_so_has_every_sentence(string name, string scenes = "Places")
    {
        var data = Draw(name, 960, 480, scenes);

        foreach (var examples in new[] { data.Train, data.Test })
        {
            foreach (var form in examples.GroupBy(example => example.Form))
            {
                var counts = form.CountBy(example => example.Answer).Select(answer => answer.Value).ToArray();
                counts.Should().OnlyContain(count => count == counts[0], form.Key);
                // A text without its picture tells nothing: its answers are as many.
                foreach (var sentence in form.GroupBy(example => example.Text))
                {
                    sentence.CountBy(example => example.Answer).Select(answer => answer.Value).Should().OnlyContain(
                        count => count == sentence.Count() / counts.Length, sentence.Key);
                }
            }
        }
    }

    [Theory]
    [InlineData("Reasoning")]
    [InlineData("Reasoning", "Boxes")]
    public void Every_scene_has_both_answers_equally_often(string name, string scenes = "Places")
    {
        foreach (var scene in Draw(name, 400, 200, scenes).Train.GroupBy(example => example.Picture))
            scene.Select(example => example.Answer).Should().BeEquivalentTo([0, 1]);
    }

    [Theory]
    [InlineData("Vqa")]
    [InlineData("Reasoning")]
    [InlineData("Reasoning", "Boxes")]
    [InlineData("Entailment")]
    public void Neighbours_are_one_sentence_with_each_answer_or_two_scenes_with_two_sentences(string name, string scenes = "Places")
    {
        var data = Draw(name, 960, 480, scenes);

        data.Train.Count.Should().Be(data.Train.Count / data.Together * data.Together);
        foreach (var together in data.Train.Chunk(data.Together))
        {
            together.Select(example => example.Form).Distinct().Should().ContainSingle();
            together.Should().OnlyHaveUniqueItems();
            var sentences = together.GroupBy(example => example.Text).ToArray();
            sentences.Length.Should().BeOneOf(1, 2);
            foreach (var sentence in sentences)
                sentence.Select(example => example.Answer).Should().OnlyHaveUniqueItems().And.HaveCount(together.Length / sentences.Length);
            together.Select(example => example.Picture).Distinct().Should().HaveCount(together.Length / sentences.Length);
        }
    }

    [Fact]
    public void Half_of_what_is_asked_in_training_is_about_relations_and_a_fifth_in_testing()
    {
        var data = Draw("Vqa", 960, 480);

        data.Train.Count(example => example.Form == "relation").Should().Be(data.Train.Count / 2);
        data.Test.Count(example => example.Form == "relation").Should().Be(data.Test.Count / 5);
    }

    [Theory]
    [InlineData("Vqa")]
    [InlineData("Reasoning")]
    [InlineData("Reasoning", "Boxes")]
    [InlineData("Entailment")]
    public void Test_sentences_are_in_no_training_set_but_their_words_are(string name, string scenes = "Places")
    {
        var data = Draw(name, 3000, 600, scenes);
        string[] Words(IEnumerable<Example> examples) => [.. examples.SelectMany(example => example.Text.Split(' ', '?', '\'')).Distinct()];

        data.Test.Select(example => example.Text).Intersect(data.Train.Select(example => example.Text)).Should().BeEmpty();
        Words(data.Test).Except(Words(data.Train)).Should().BeEmpty();
    }

    [Fact]
    public void Training_has_every_word_of_a_long_sentence_in_every_pattern()
    {
        string[] relations = ["left of", "right of", "above", "below"], patterns = ["is the", "would you say", "does the", "can you see"];
        var asked = PlaceSentences.Questions.Single(form => form.Name == "relation").Sentences.Where(sentence => !sentence.IsForTesting).ToArray();
        foreach (var relation in relations)
        {
            foreach (var pattern in patterns)
                asked.Should().Contain(sentence => sentence.Text.StartsWith(pattern) && sentence.Text.Contains(relation), $"{pattern} … {relation}");
        }
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(3, false)]
    public void Test_scenes_are_in_no_training_set_whatever_the_order_of_their_boxes(int boxes, bool covers)
    {
        var random = new Random(1);
        for (var i = 0; i < 200; i++)
        {
            var forTesting = i % 2 == 0;
            var scene = Scene.Draw(random, boxes, covers, forTesting);
            var turned = new Scene([.. scene.Places.Chunk(Scene.PlacesPerBox).Reverse().SelectMany(box => box)]);

            turned.IsForTesting.Should().Be(forTesting);
            scene.Places.Count(place => place == Scene.Covered).Should().Be(covers ? 1 : 0);
        }
    }

    [Fact]
    public void A_seed_draws_the_same_and_captions_are_of_training_scenes()
    {
        Draw("Vqa", 64, 32).Digest.Should().Be(Draw("Vqa", 64, 32).Digest);
        CaptionData.Draw(40, 3).Digest.Should().Be(CaptionData.Draw(40, 3).Digest).And.NotBe(CaptionData.Draw(40, 4).Digest);
        CaptionData.Draw(40, 3, DrawnScenes.Boxes).Digest.Should().Be(CaptionData.Draw(40, 3, DrawnScenes.Boxes).Digest).And.NotBe(CaptionData.Draw(40, 4, DrawnScenes.Boxes).Digest);
        CaptionData.Draw(40, 3).Captions.Should().OnlyContain(texts => texts.Count == 2 && texts.All(text => text.Length > 10));
    }

    private static TaskData Draw(string name, int train, int test, string scenes = "Places")
        => TaskData.Draw(Enum.Parse<FusionTask>(name), train, test, 5, Enum.Parse<DrawnScenes>(scenes));
}
