using Contrastive.Samples.FusionModel.Data;

namespace Contrastive.Samples.Tests.FusionModel;

public sealed class BoxTaskTests
{
    private const int Circle = 0, Square = 1, Triangle = 2, Black = 0, Blue = 1, Yellow = 2, Small = 0, Medium = 1, Big = 2;

    // A black and a blue circle, the first in a corner; a big yellow square on the floor; three yellow triangles, one at the right wall.
    private static readonly BoxScene Items = new(
    [
        [new(Circle, Black, Small, 0, 0), new(Circle, Blue, Medium, 40, 40)],
        [new(Square, Yellow, Big, 20, 70)],
        [new(Triangle, Yellow, Small, 90, 50), new(Triangle, Yellow, Small, 10, 10), new(Triangle, Yellow, Medium, 50, 20)],
    ]);

    // From the base up.
    private static readonly BoxScene Towers = new([Tower(Blue, Yellow, Yellow), Tower(Blue, Black), Tower(Yellow)]);

    [Theory]
    [InlineData("there is only one black circle", true)]
    [InlineData("there is exactly one circle", false)]
    [InlineData("there are exactly two circles", true)]
    [InlineData("there are 3 yellow items", false)]
    [InlineData("there are 4 yellow items", true)]
    [InlineData("there are at least 4 yellow objects", true)]
    [InlineData("there are five or more yellow objects", false)]
    [InlineData("there is at least one yellow square", true)]
    [InlineData("there is no black square", true)]
    [InlineData("none of the boxes has a blue circle", false)]
    [InlineData("there is a box with exactly 1 item", true)]
    [InlineData("there is a box with exactly three yellow triangles", true)]
    [InlineData("one of the grey boxes has exactly two yellow triangles", false)]
    [InlineData("there is a box that has at least two black items", false)]
    [InlineData("there is a box with a black circle and a blue item", true)]
    [InlineData("there is a box with a black circle and a yellow item", false)]
    [InlineData("there is a box with a black item and 2 yellow triangles", false)]
    [InlineData("there is a box with 3 items of which exactly 2 are yellow", false)]
    [InlineData("there is a box that has only triangles", true)]
    [InlineData("one of the grey boxes has only blue items", false)]
    [InlineData("there is a box with only black and blue items", true)]
    [InlineData("there is a box with only yellow and blue items", false)]
    [InlineData("there is a box with items of only 2 different colors", true)]
    [InlineData("there is a box with three different colors", false)]
    [InlineData("there is a box with 3 items of 2 different colors", false)]
    [InlineData("each box has a yellow item", false)]
    [InlineData("there is a big square", true)]
    [InlineData("there is at least one big triangle", false)]
    [InlineData("there is a yellow item touching the bottom", true)]
    [InlineData("there is a black circle touching the corner", true)]
    [InlineData("there is a triangle closely touching the right wall of a box", true)]
    [InlineData("there is a circle touching the right wall", false)]
    [InlineData("there is at least one black object touching the top", true)]
    [InlineData("there are exactly two yellow items touching the edge", true)]
    [InlineData("there is exactly one circle touching the wall", true)]
    [InlineData("there is a blue circle not touching the edge", true)]
    [InlineData("there is at least one black circle not touching the wall", false)]
    [InlineData("there are exactly two triangles not touching any edge", true)]
    [InlineData("there is no circle touching the base", true)]
    [InlineData("none of the squares are touching the wall", false)]
    [InlineData("there is a small triangle touching the wall", true)]
    [InlineData("there is at least one medium triangle touching the wall", false)]
    public void A_statement_about_items_is_judged_as_one_reads_it(string text, bool holds) => Judge(Items, "items", text).Should().Be(holds ? 0 : 1);

    [Theory]
    [InlineData("there are 2 blue blocks", true)]
    [InlineData("there are exactly two yellow blocks", false)]
    [InlineData("there are at least three yellow blocks", true)]
    [InlineData("there is a tower with 2 yellow blocks", true)]
    [InlineData("there is a tower that has two black blocks", false)]
    [InlineData("there is a black block as the top of a tower", true)]
    [InlineData("there is a tower with a black block at the base", false)]
    [InlineData("there are exactly two towers with a blue block at the base", true)]
    [InlineData("there is only one yellow block as the top of a tower", false)]
    [InlineData("there is a blue block as the base of a tower with exactly two blocks", true)]
    [InlineData("there is a black block as the top of a tower with exactly three blocks", false)]
    [InlineData("there is a yellow block as the top of a tower with at least two blocks", true)]
    [InlineData("there is a black block above a blue block", true)]
    [InlineData("there is a blue block on a black block", false)]
    [InlineData("there is a yellow block on a blue block", true)]
    [InlineData("there is a tower with a black block on a yellow block", false)]
    [InlineData("there is exactly one tower with a yellow block above a yellow block", true)]
    [InlineData("there is a tower with exactly four blocks", false)]
    [InlineData("there is a tower that has three blocks", true)]
    [InlineData("there is a tower with only one block", true)]
    [InlineData("there is a tower with exactly one block which is blue", false)]
    [InlineData("there are two towers with three blocks", false)]
    [InlineData("there is a tower with only yellow blocks", true)]
    [InlineData("there is a blue tower", false)]
    [InlineData("there is a tower with only blue and yellow blocks", true)]
    [InlineData("there is a tower with only black and yellow blocks", false)]
    [InlineData("there is a tower with two different colors", true)]
    [InlineData("at least two towers have the same base color", true)]
    [InlineData("each tower has a yellow block", false)]
    [InlineData("there is exactly one tower that has a yellow block above a blue block", true)]
    public void A_statement_about_towers_is_judged_as_one_reads_it(string text, bool holds) => Judge(Towers, "towers", text).Should().Be(holds ? 0 : 1);

    [Fact]
    public void Above_is_anywhere_above_and_on_is_directly_on()
    {
        var scene = new BoxScene([Tower(Blue, Yellow, Black), Tower(Black, Black, Black), Tower(Yellow)]);

        Judge(scene, "towers", "there is a black block above a blue block").Should().Be(0);
        Judge(scene, "towers", "there is a black block on a blue block").Should().Be(1);
        Judge(scene, "towers", "there is exactly one tower with a black block above a black block").Should().Be(0);
    }

    [Theory]
    [InlineData("items")]
    [InlineData("towers")]
    public void Statements_that_are_written_alike_are_judged_alike_and_all_for_training_or_all_for_testing(string about)
    {
        var random = new Random(3);
        var forms = BoxSentences.Statements.Where(form => form.Name.StartsWith(about)).ToArray();
        var scenes = Enumerable.Range(0, 20).Select(_ => forms[0].Draw(random, false)).ToArray();
        foreach (var alike in forms.SelectMany(form => form.Sentences).GroupBy(sentence => sentence.Text).Where(group => group.Count() > 1))
        {
            alike.Select(sentence => sentence.IsForTesting).Distinct().Should().ContainSingle(alike.Key);
            scenes.Should().OnlyContain(scene => alike.Select(sentence => sentence.Answer(scene)).Distinct().Count() == 1, alike.Key);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Items_lie_in_their_box_and_apart_and_test_scenes_are_in_no_training_set_whatever_the_order_of_their_boxes(bool towers)
    {
        var random = new Random(1);
        for (var i = 0; i < 100; i++)
        {
            var forTesting = i % 2 == 0;
            var scene = BoxScene.Draw(random, 3, towers, forTesting);

            new BoxScene([.. scene.Boxes.Reverse()]).IsForTesting.Should().Be(forTesting);
            foreach (var box in scene.Boxes)
            {
                box.Should().OnlyContain(item => item.X >= 0 && item.Y >= 0 && item.X + item.Extent <= 100 && item.Y + item.Extent <= 100);
                box.SelectMany((item, at) => box.Take(at).Select(item.IsApartFrom)).Should().NotContain(false);
                box.Count.Should().BeInRange(1, towers ? 4 : 7);
            }
        }
    }

    [Fact]
    public void Items_are_painted_where_they_lie_in_their_colours_on_grey()
    {
        var pixels = Items.Paint(new Random(1));

        pixels.Should().HaveCount(3 * 3 * BoxScene.Side * BoxScene.Side);
        (byte, byte, byte) At(int box, int x, int y)
        {
            int area = BoxScene.Side * BoxScene.Side, at = box * 3 * area + y * BoxScene.Side / 100 * BoxScene.Side + x * BoxScene.Side / 100;
            return (pixels[at], pixels[at + area], pixels[at + 2 * area]);
        }

        At(0, 5, 5).Should().Be((0, 0, 0));
        At(0, 50, 50).Should().Be((0, 153, 255));
        At(1, 35, 85).Should().Be((255, 255, 0));
        At(1, 35, 60).Should().Be((211, 211, 211));
        At(2, 60, 35).Should().Be((255, 255, 0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_caption_is_of_statements_that_are_true_of_its_box_and_in_no_test_set(bool towers)
    {
        var random = new Random(2);
        for (var i = 0; i < 20; i++)
        {
            var scene = BoxScene.Draw(random, 1, towers, forTesting: false);
            var caption = BoxSentences.Caption(scene, towers, random);

            var told = BoxSentences.Statements.SelectMany(form => form.Sentences).Where(sentence => !sentence.IsForTesting && caption.Contains(sentence.Text) && sentence.Answer(scene) == 0);
            told.Select(sentence => sentence.Text).Distinct().Count().Should().BeGreaterThanOrEqualTo(2, caption);
        }
    }

    private static Item[] Tower(params int[] colours) => [.. colours.Select((colour, block) => new Item(Square, colour, Medium, 40, 79 - 21 * block))];

    private static int? Judge(BoxScene scene, string about, string text)
        => BoxSentences.Statements.Where(form => form.Name.StartsWith(about)).SelectMany(form => form.Sentences).Where(sentence => sentence.Text == text)
            .Select(sentence => sentence.Answer(scene)).Distinct().Single();
}
