using Contrastive.Samples.ShapesClip.Data.Pictures;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Samples.Tests.ShapesClip;

public sealed class PictureDataTests : IDisposable
{
    private readonly PictureFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_split_is_by_picture_whole_and_the_same_for_the_same_seed()
    {
        _folder.Fill(20);
        using var all = Load();
        using var one = PictureData.Split(all, 0.2, seed: 3);
        using var again = PictureData.Split(all, 0.2, seed: 3);
        using var other = PictureData.Split(all, 0.2, seed: 4);

        long[][] sets = [Rows(one.Train), Rows(one.Validation), Rows(one.Test)];
        sets.Select(set => set.Length).Should().Equal(12, 4, 4);
        sets.SelectMany(set => set).Order().Should().Equal(Enumerable.Range(0, 20).Select(row => (long)row));
        new[] { one.Train, one.Validation, one.Test }.Should().OnlyContain(set => set.Captions == 2 * set.Pictures);
        Rows(again.Train).Should().Equal(Rows(one.Train));
        Rows(other.Train).Should().NotEqual(Rows(one.Train));
    }

    [Fact]
    public void A_visit_gives_a_picture_with_one_of_its_own_captions_and_in_time_with_each()
    {
        _folder.Fill(12);
        using var all = Load();
        using var data = PictureData.Split(all, 0.1, seed: 0);
        using var random = new Generator(1);
        using var items = torch.tensor([5L, 0, 2]);
        var seen = new HashSet<(long Item, string Tokens)>();
        for (var visit = 0; visit < 40; visit++)
        {
            var (images, tokens) = data.Take(items, random);
            for (var i = 0; i < 3; i++)
            {
                var row = data.Train.Rows[items[i]].item<long>();
                images[i].Equals(all.Images[row]).Should().BeTrue();
                using var own = data.Tokenizer.Encode(all.Files[(int)row].Captions, CPU);
                var said = Text(tokens[i]);
                new[] { Text(own[0]), Text(own[1]) }.Should().Contain(said);
                seen.Add((row, said));
            }
        }

        seen.Should().HaveCount(6, "each of three pictures has two captions");

        static string Text(Tensor tokens) => string.Join(' ', tokens.data<long>().Where(token => token != 0));
    }

    [Fact]
    public void Words_and_marks_are_taken_apart_and_only_words_of_training_are_known()
    {
        _folder.Fill(12);
        using var all = Load();
        using var data = PictureData.Split(all, 0.1, seed: 0);

        data.Tokenizer.Words("A RED, square!").Should().Equal("a", "red", ",", "square", "!");
        new[] { "red", "square", "." }.Should().OnlyContain(word => data.Tokenizer.Knows(word));
        new[] { "zebra", "q", "[PAD]", "," }.Should().NotContain(word => data.Tokenizer.Knows(word));
    }

    [Fact]
    public void Too_few_pictures_are_refused_with_their_number()
        => new Action(() => PictureData.TrainItems(5, 0.1)).Should().Throw<UserError>().WithMessage("*5 usable pictures*");

    private PictureCollection Load()
        => PictureCollection.OfCaptions(_folder.Root, _folder.Path("captions.tsv"), 8, CPU, new SampleConsole(TextWriter.Null, false, default));

    private static long[] Rows(PictureSet set) => set.Rows.data<long>().ToArray();
}
