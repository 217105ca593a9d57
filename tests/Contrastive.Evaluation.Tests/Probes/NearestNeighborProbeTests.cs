using CsCheck;
using static Contrastive.Evaluation.Tests.RetrievalTests;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class NearestNeighborProbeTests
{
    [Fact]
    public void Agrees_with_a_case_done_by_hand()
    {
        using var scope = NewDisposeScope();
        // From 0: label 1 at distance 1, label 2 at 2 and 2, label 3 at 9.
        var train = Data.Matrix(new double[,] { { 1 }, { 2 }, { -2 }, { 9 } });
        var labels = tensor(new[] { 1, 2, 2, 3 });
        var test = Data.Matrix(new double[,] { { 0 } });
        double Accuracy(int k, NeighborVote vote, long label, double temperature = 1) => NearestNeighborProbe.Evaluate(
            train, labels, test, tensor(new[] { label }), k, NeighborSimilarity.Euclidean, vote, temperature).Accuracy;
        Accuracy(1, NeighborVote.Majority, 1).Should().Be(1);
        Accuracy(2, NeighborVote.Majority, 1).Should().Be(0.5);          // the second seat is shared by two of label 2: 1 to 1
        Accuracy(2, NeighborVote.Majority, 2).Should().Be(0.5);
        Accuracy(3, NeighborVote.Majority, 2).Should().Be(1);
        Accuracy(3, NeighborVote.Weighted, 1).Should().Be(1);            // e^(-1/2) against 2 e^(-2)
        Accuracy(3, NeighborVote.Weighted, 2, temperature: 3).Should().Be(1);    // e^(-1/6) against 2 e^(-2/3)
        Accuracy(3, NeighborVote.Weighted, 4).Should().Be(0);            // no such training row

        var report = NearestNeighborProbe.Evaluate(train, labels, train, labels, 100, vote: NeighborVote.Majority);
        report.K.Should().Be(4);
        (report.Accuracy, report.BalancedAccuracy).Should().Be((0.5, 1.0 / 3));      // label 2 always wins
        report.ToString().Should().Be("4 neighbours: accuracy 0.5000, balanced 0.3333");
    }

    [Fact]
    public void Reports_tell_which_rows_are_right()
    {
        using var scope = NewDisposeScope();
        var train = Data.Matrix(new double[,] { { 0 }, { 10 } });
        var test = Data.Matrix(new double[,] { { 0 }, { 10 }, { 1 }, { 9 } });
        NearestNeighborReport Of(int k, params long[] labels) => NearestNeighborProbe.Evaluate(
            train, tensor(new long[] { 1, 2 }), test, tensor(labels), k, NeighborSimilarity.Euclidean, NeighborVote.Weighted);
        var report = Of(1, 2, 2, 1, 2);
        report.Hits.Should().Equal(0, 1, 1, 1);
        var others = Of(1, 1, 2, 1, 1);
        (others.Accuracy, others.BalancedAccuracy).Should().Be((report.Accuracy, report.BalancedAccuracy));
        others.Hits.Should().Equal(1, 1, 1, 0);
    }

    [Fact]
    public void Agrees_with_the_definition_for_any_shape_chunk_and_tie()
        => Gen.Int[1, 9].SelectMany(n => Gen.Int[1, 6].SelectMany(m => Gen.Int[1, 3].SelectMany(d => Gen.Select(
                Data.Coarse(n, d),
                Data.Coarse(m, d),
                Gen.Long[-1, 2].Array[n],
                Gen.Long[-1, 3].Array[m],
                Gen.Int[1, 11],
                Gen.Select(Gen.Int[0, 2].Select(which => Data.Similarities[which]), Gen.Enum<NeighborVote>(), Gen.Double[0.05, 3]),
                Gen.Select(Gen.Int[1, 7], Data.Types)))))
            .Check(
                drawn =>
                {
                    var (x, y, xLabels, yLabels, k, how, run) = drawn;
                    var (similarity, vote, temperature) = how;
                    var (chunk, type) = run;
                    // What float32 leaves open of the similarities makes near votes a tie.
                    double near = type == ScalarType.Float32 && vote == NeighborVote.Weighted ? 2e-5 / temperature : 1e-9;
                    var (a, b) = similarity == SimilarityMeasure.Cosine ? (Data.Unit(x), Data.Unit(y)) : (x, y);
                    double Similarity(int query, int row) => similarity == NeighborSimilarity.Euclidean
                        ? -Math.Pow(Data.Distance(b, query, a, row), 2) / 2
                        : Data.Dot(b, query, a, row);
                    double[] hits = [.. yLabels.Select((label, query) => Hit(
                        [.. xLabels.Select((other, row) => (Similarity(query, row), other))],
                        label,
                        k,
                        s => vote == NeighborVote.Weighted ? Math.Exp(s / temperature) : 1,
                        near: near))];
                    if (hits.Any(double.IsNaN)) return;
                    var report = NearestNeighborProbe.Evaluate(
                        Data.Matrix(x, type), tensor(xLabels), Data.Matrix(y, type), tensor(yLabels),
                        k, similarity, vote, temperature, chunk);
                    report.Accuracy.Should().BeApproximately(hits.Average(), 1e-12);
                    report.Hits.Zip(hits).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) <= 1e-12);
                    report.BalancedAccuracy.Should().BeApproximately(
                        hits.Zip(yLabels).GroupBy(row => row.Second).Average(rows => rows.Average(row => row.First)), 1e-12);
                    report.K.Should().Be(Math.Min(k, xLabels.Length));
                },
                500);

    /// <summary>The mean, over all choices of tied rows for the last seats, of the share of the largest vote that the label has.</summary>
    internal static double Hit(
        (double Similarity, long Label)[] rows, long label, int k, Func<double, double> weight, double tie = 1e-12, double near = 1e-9)
    {
        k = Math.Min(k, rows.Length);
        double last = rows.Select(row => row.Similarity).OrderDescending().ElementAt(k - 1);
        var above = rows.Where(row => row.Similarity > last + tie).ToArray();
        var tied = rows.Where(row => Math.Abs(row.Similarity - last) <= tie).ToArray();
        double[] hits = [.. Enumerable.Range(0, 1 << tied.Length)
            .Where(seats => int.PopCount(seats) == k - above.Length)
            .Select(seats => Share(above.Concat(tied.Where((_, row) => (seats >> row & 1) == 1).Select(row => (last, row.Label)))))];
        return hits.Average();

        double Share(IEnumerable<(double Similarity, long Label)> neighbors)
        {
            var votes = neighbors.GroupBy(row => row.Label).ToDictionary(group => group.Key, group => group.Sum(row => weight(row.Similarity)));
            double most = votes.Values.Max();
            // Votes that differ by next to nothing are a tie or not depending on the rounding of either side: not decided here.
            if (votes.Values.Any(vote => vote < most * (1 - 1e-12) && vote > most * (1 - near))) return double.NaN;
            long[] winners = [.. votes.Where(entry => entry.Value >= most * (1 - 1e-10)).Select(entry => entry.Key)];
            return winners.Contains(label) ? 1.0 / winners.Length : 0;
        }
    }

    [Fact]
    public void Of_tied_rows_any_may_be_the_neighbor()
    {
        using var scope = NewDisposeScope();
        var labels = tensor(new long[] { 0, 0, 1, 2 });
        double[] Hits(int k) => [.. NearestNeighborProbe.Evaluate(ones(4, 3), labels, ones(3, 3), arange(3), k).Hits];
        void Are(double[] hits, params double[] expected) => hits.Zip(expected).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-12);
        Are(Hits(1), 1 / 2.0, 1 / 4.0, 1 / 4.0);
        // Of 6 pairs one has label 0 twice, four share the vote with label 0, one without it.
        Are(Hits(2), (1 + (4 / 2.0)) / 6, (2 + 1) / 2.0 / 6, (2 + 1) / 2.0 / 6);
        Are(Hits(4), 1, 0, 0);

    }

    [Theory]
    [InlineData(300, 5, 20)]
    [InlineData(300, 5, 299)]
    [InlineData(5000, 3, 800)]
    [InlineData(5000, 20, 150)]
    [InlineData(20_000, 300, 20)]
    public void Where_all_rows_tie_the_chances_of_the_classes_add_up_to_1(int rows, int classes, int k)
    {
        using var scope = NewDisposeScope();
        // The classes have more rows, or about as many, the larger their label is.
        long[] labels = [.. Enumerable.Range(0, rows).Select(i => (long)(classes * Math.Sqrt(i / (double)rows)))];
        var hits = NearestNeighborProbe.Evaluate(ones(rows, 3), tensor(labels), ones(classes, 3), arange(classes), k).Hits;
        hits.Sum().Should().BeApproximately(1, 1e-10);
        int[] ofClass = [.. Enumerable.Range(0, classes).Select(number => labels.Count(label => label == number))];
        var byRows = hits.Zip(ofClass).OrderBy(pair => pair.Second).ToArray();
        byRows.Zip(byRows.Skip(1)).Should().OnlyContain(pair => pair.First.First <= pair.Second.First + 1e-12);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void The_chunk_size_is_irrelevant(int which)
    {
        var similarity = Data.Similarities[which];
        using var scope = NewDisposeScope();
        Tensor train = Data.Normal(300, 16, 1, ScalarType.Float32), test = Data.Normal(100, 16, 2, ScalarType.Float32);
        Tensor trainLabels = arange(300).remainder(5), testLabels = arange(100).remainder(5);
        double[] accuracies = [.. new long?[] { null, 1, 7, 99, 1000 }.Select(chunk => NearestNeighborProbe.Evaluate(
            train, trainLabels, test, testLabels, similarity: similarity, chunkSize: chunk).Accuracy)];
        accuracies.Distinct().Should().ContainSingle().Which.Should().BeInRange(0.05, 0.5);
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Collapsed_features_score_at_chance(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var labels = arange(100, dtype: ScalarType.Int32).remainder(4).to_type(ScalarType.Int32);
        var features = ones(100, 768, dtype: type).mul(0.3);
        foreach (var similarity in Data.Similarities)
        {
            foreach (var vote in Enum.GetValues<NeighborVote>())
            {
                foreach (long? chunk in new long?[] { null, 1, 20 })
                {
                    NearestNeighborProbe.Evaluate(features, labels, features, labels, 20, similarity, vote, chunkSize: chunk)
                        .Accuracy.Should().BeApproximately(0.25, 1e-12);
                }
            }
        }
    }

    [Fact]
    public void On_the_sphere_Euclidean_votes_are_cosine_votes()
    {
        using var scope = NewDisposeScope();
        Tensor train = Data.Matrix(Data.Unit(Random(60, 1))), test = Data.Matrix(Data.Unit(Random(200, 2)));
        Tensor trainLabels = arange(60).remainder(3), testLabels = train[test.matmul(train.t()).argmax(1)].argmax(1);
        NearestNeighborProbe.Evaluate(train, trainLabels, test, testLabels, 9, NeighborSimilarity.Euclidean).Should().BeEquivalentTo(
            NearestNeighborProbe.Evaluate(train, trainLabels, test, testLabels, 9, SimilarityMeasure.Cosine),
            options => options.WithStrictOrdering());
    }

    private static double[,] Random(int rows, long seed)
    {
        double[] values = Data.Normal(rows, 3, seed).data<double>().ToArray();
        var matrix = new double[rows, 3];
        Buffer.BlockCopy(values, 0, matrix, 0, values.Length * sizeof(double));
        return matrix;
    }

    [Theory]
    [InlineData(ScalarType.Float32, 1e30)]
    [InlineData(ScalarType.Float32, 1e-30)]
    [InlineData(ScalarType.Float64, 1e250)]
    [InlineData(ScalarType.Float64, 1e-250)]
    public void Neither_large_nor_small_features_break_it(ScalarType type, double scale)
    {
        using var scope = NewDisposeScope();
        Tensor labels = arange(12).remainder(3), one = eye(3, dtype: ScalarType.Float64);
        var features = one[labels].add(Data.Normal(12, 3, 1).mul(0.1)).mul(scale).to_type(type);
        foreach (var similarity in Data.Similarities)
            NearestNeighborProbe.Evaluate(features, labels, features, labels, 4, similarity).Accuracy.Should().Be(1);
    }

    [Fact]
    public void Half_precision_strides_and_gradients()
    {
        using var scope = NewDisposeScope();
        Tensor train = Data.Normal(50, 4, 1, ScalarType.Float16), test = Data.Normal(30, 4, 2, ScalarType.Float16);
        Tensor trainLabels = arange(50).remainder(3), testLabels = arange(30).remainder(3);
        var half = NearestNeighborProbe.Evaluate(train, trainLabels, test, testLabels, 5);
        half.Should().BeEquivalentTo(
            NearestNeighborProbe.Evaluate(
                Data.Strided(train.to_type(ScalarType.Float32)).requires_grad_(), trainLabels.to_type(ScalarType.Byte),
                Data.Strided(test.to_type(ScalarType.Float32)), testLabels.to_type(ScalarType.Int32), 5),
            options => options.WithStrictOrdering());
    }

    [Fact]
    public void Leaves_no_tensors_behind()
    {
        using Tensor x = Data.Normal(20, 5, 1), labels = arange(20).remainder(3).to_type(ScalarType.Int32);
        foreach (var similarity in Data.Similarities)
        {
            Data.LeftBehind(() => NearestNeighborProbe.Evaluate(x, labels, x, labels, 3, similarity, chunkSize: 7))
                .Should().Be(0);
        }
    }

    [Fact]
    public void Refuses_what_it_cannot_classify()
    {
        using var scope = NewDisposeScope();
        void Probe(Tensor train, Tensor trainLabels, Tensor test, Tensor testLabels)
            => NearestNeighborProbe.Evaluate(train, trainLabels, test, testLabels);
        Tensor x = ones(4, 3), y = tensor(new long[] { 0, 0, 1, 1 });
        Refuses(() => Probe(null!, y, x, y), "trainFeatures");
        Refuses(() => Probe(x, null!, x, y), "trainLabels");
        Refuses(() => Probe(x, y, null!, y), "testFeatures");
        Refuses(() => Probe(x, y, x, null!), "testLabels");
        Refuses(() => Probe(ones(0, 3), y, x, y), "trainFeatures", "at least 1 rows", "0");
        Refuses(() => Probe(x, y, ones(4, 2), y), "testFeatures", "3 features", "2");
        Refuses(() => Probe(x, ones(4), x, y), "trainLabels", "integers", "Float32");
        Refuses(() => Probe(x, y, x, tensor(new long[] { 0 })), "testLabels", "(4)", "(1)");
        Refuses(() => Probe(x, y, full(4, 3, float.NaN), y), "testFeatures", "12 values of 12");
        Refuses(() => NearestNeighborProbe.Evaluate(x, y, x, y, 0), "k", "at least 1", "0");
        Refuses(() => NearestNeighborProbe.Evaluate(x, y, x, y, temperature: 0), "temperature", "positive", "0");
        Refuses(() => NearestNeighborProbe.Evaluate(x, y, x, y, chunkSize: 0), "chunkSize", "at least 1", "0");
        Refuses(
            () => NearestNeighborProbe.Evaluate(x, y, x, y, similarity: (SimilarityMeasure)9),
            "similarity", "SimilarityMeasure", "9");
        Refuses(() => NearestNeighborProbe.Evaluate(x, y, x, y, vote: (NeighborVote)9), "vote", "NeighborVote", "9");
    }

    [Fact]
    public void Several_k_in_one_pass_are_what_each_is_alone()
    {
        using var scope = NewDisposeScope();
        Tensor train = Data.Normal(80, 4, 1, ScalarType.Float32), test = Data.Normal(50, 4, 2, ScalarType.Float32);
        Tensor trainLabels = arange(80).remainder(3), testLabels = arange(50).remainder(3);
        foreach (var similarity in Data.Similarities)
        {
            int[] k = [7, 1, 200, 20];
            var all = NearestNeighborProbe.Evaluate(train, trainLabels, test, testLabels, k, similarity, chunkSize: 9);
            all.Should().HaveCount(4);
            for (int i = 0; i < k.Length; i++)
                all[i].Should().BeEquivalentTo(NearestNeighborProbe.Evaluate(train, trainLabels, test, testLabels, k[i], similarity));
        }

        Refuses(() => NearestNeighborProbe.Evaluate(train, trainLabels, test, testLabels, []), "k", "0 values");
    }

    [Fact]
    public void Leave_one_out_asks_all_others()
        => Gen.Int[2, 9].SelectMany(n => Gen.Select(
                Data.Coarse(n, 2), Gen.Long[0, 2].Array[n], Gen.Int[1, 10], Gen.Int[0, 2].Select(which => Data.Similarities[which]), Gen.Int[1, 9], Data.Types))
            .Check(
                drawn =>
                {
                    var (x, labels, k, similarity, chunk, type) = drawn;
                    Tensor rows = Data.Matrix(x, type), of = tensor(labels);
                    var report = NearestNeighborProbe.LeaveOneOut(rows, of, [k], similarity, NeighborVote.Majority, chunkSize: chunk)[0];
                    report.K.Should().Be(Math.Min(k, labels.Length - 1));
                    for (int row = 0; row < labels.Length; row++)
                    {
                        var others = tensor(Enumerable.Range(0, labels.Length).Where(other => other != row).Select(other => (long)other).ToArray());
                        double hit = NearestNeighborProbe.Evaluate(
                            rows[others], of[others], rows.narrow(0, row, 1), of.narrow(0, row, 1), k, similarity, NeighborVote.Majority).Accuracy;
                        report.Hits[row].Should().BeApproximately(hit, 1e-12);
                    }
                },
                100);

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    public void Distances_of_float32_are_those_of_float64(double offset)
    {
        using var scope = NewDisposeScope();
        // The product of what lies far from the origin has no digits left; rows are centred first.
        Tensor train = Data.Normal(700, 40, 1).add(offset).to_type(ScalarType.Float32), test = Data.Normal(200, 40, 2).add(offset).to_type(ScalarType.Float32);
        Tensor trainLabels = arange(700).remainder(7), testLabels = arange(200).remainder(7);
        double[] Hits(ScalarType type) => [.. NearestNeighborProbe.Evaluate(
            train.to_type(type), trainLabels, test.to_type(type), testLabels, 9, NeighborSimilarity.Euclidean, NeighborVote.Majority).Hits];
        Hits(ScalarType.Float32).Should().Equal(Hits(ScalarType.Float64));
        // One row as far away as can be leaves the others' neighbours as they are.
        train[0] = full(40, 1e6, dtype: ScalarType.Float32);
        Hits(ScalarType.Float32).Should().Equal(Hits(ScalarType.Float64));
    }
}
