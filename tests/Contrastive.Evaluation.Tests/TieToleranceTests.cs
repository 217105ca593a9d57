using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

/// <summary>What ties and what does not, in the four places that rank by similarity: as exact numbers say, up to a few ε.</summary>
public class TieToleranceTests
{
    [Fact]
    public void Rows_far_from_the_origin_are_told_apart()
    {
        using var scope = NewDisposeScope();
        // Cosines of different rows are 1 - 1e-5: further from 1 than rounding, nearer than the bound of a product of 512 terms.
        Tensor x = Data.Normal(100, 512, 1).add(300).to_type(ScalarType.Float32), own = arange(100);
        var report = Retrieval.Evaluate(x, x);
        (report.RecallAt[1], report.MeanRank, report.MeanReciprocalRank).Should().Be((1, 1, 1));
        Retrieval.Evaluate(x, own, x, own, chunkSize: 7).RecallAt[1].Should().Be(1);
        Retrieval.OneWay(x, own, x, own).MeanAveragePrecision.Should().Be(1);
        foreach (var similarity in new NeighborSimilarity[] { SimilarityMeasure.Cosine, NeighborSimilarity.Euclidean })
            NearestNeighborProbe.Evaluate(x, own, x, own, 1, similarity).Accuracy.Should().Be(1);
        using var classifier = new ZeroShotClassifier(x);
        classifier.Evaluate(x, own).Accuracy.Should().Be(1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(30)]
    public void Float32_is_ranked_by_its_exact_scores(double offset)
    {
        using var scope = NewDisposeScope();
        Tensor Rows(long rows, long seed) => Data.Normal(rows, 700, seed).add(offset).to_type(ScalarType.Float32);
        // Few are in doubt among random rows, nearly all far from the origin.
        var (x, y) = (Rows(150, 1), Rows(90, 2));
        long[] xIds = [.. Enumerable.Range(0, 150).Select(i => (long)(i % 40))], yIds = [.. Enumerable.Range(0, 90).Select(j => (long)(j % 30))];
        const double tie = 2 * 1.1920929e-7;
        double[,] cosines = Table(Unit(x).matmul(Unit(y).t()));
        double[] ranks = [.. Enumerable.Range(0, 150).Where(i => yIds.Contains(xIds[i])).Select(i => Rank(
            [.. yIds.Select((id, j) => (cosines[i, j], id == xIds[i]))], tie))];
        double[] precisions = [.. Enumerable.Range(0, 150).Select(i => MeanAveragePrecisionTests.AveragePrecision(
            [.. yIds.Select((id, j) => (cosines[i, j], id == xIds[i]))], tie)).OfType<double>()];
        foreach (long? chunk in new long?[] { null, 11 })
        {
            var report = Retrieval.Evaluate(x, tensor(xIds), y, tensor(yIds), chunkSize: chunk);
            Same(report.LeftToRight.Ranks, ranks);
            Same(Retrieval.OneWay(x, tensor(xIds), y, tensor(yIds), chunkSize: chunk).AveragePrecisions, precisions);
            foreach (int k in new[] { 1, 10 })
            {
                Same(
                    NearestNeighborProbe.Evaluate(y, tensor(yIds), x, tensor(xIds), k, vote: NeighborVote.Majority, chunkSize: chunk).Hits,
                    [.. xIds.Select((id, i) => NearestNeighborProbeTests.Hit(
                        [.. yIds.Select((other, j) => (cosines[i, j], other))], id, k, _ => 1, tie))]);
            }

            using var classifier = new ZeroShotClassifier(y);
            long[] labels = [.. Enumerable.Range(0, 150).Select(i => (long)(i % 90))];
            Same(
                classifier.Evaluate(x, tensor(labels), chunkSize: chunk).Ranks,
                [.. labels.Select((label, i) => Rank([.. yIds.Select((_, j) => (cosines[i, j], j == label))], tie))]);
        }

        static Tensor Unit(Tensor rows) => nn.functional.normalize(rows.to_type(ScalarType.Float64), dim: 1);

        static double[,] Table(Tensor matrix)
        {
            var table = new double[matrix.shape[0], matrix.shape[1]];
            Buffer.BlockCopy(matrix.contiguous().data<double>().ToArray(), 0, table, 0, table.Length * sizeof(double));
            return table;
        }

        static void Same(IReadOnlyCollection<double> actual, double[] expected)
        {
            actual.Should().HaveCount(expected.Length);
            actual.Zip(expected).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-12);
        }

        static double Rank((double Score, bool Match)[] candidates, double tie)
        {
            double best = candidates.Where(one => one.Match).Max(one => one.Score);
            int above = candidates.Count(one => !one.Match && one.Score > best + tie);
            int tied = candidates.Count(one => !one.Match && Math.Abs(one.Score - best) <= tie);
            int matches = candidates.Count(one => one.Match && one.Score >= best - tie);
            return above + 1 + (tied / (matches + 1.0));
        }
    }

    [Fact]
    public void Pictures_as_they_are_have_the_neighbors_that_float64_says()
    {
        using var scope = NewDisposeScope();
        // 224 × 224 × 3 numbers: a bound on the rounding of a sum of so many terms is a cosine of 0.01.
        const long pixels = 224 * 224 * 3;
        Tensor Pictures(long rows, long seed)
            => (Data.Normal(2, pixels, 1).mul(0.02)[arange(rows).remainder(2)] + Data.Normal(rows, pixels, seed).mul(0.05) + 0.5).to_type(ScalarType.Float32);
        var (train, test) = (Pictures(16, 2), Pictures(10, 3));
        var (trainLabels, testLabels) = (arange(16).remainder(2), arange(10).remainder(2));
        double[] Hits(ScalarType type) =>
        [
            .. NearestNeighborProbe.Evaluate(train.to_type(type), trainLabels, test.to_type(type), testLabels, 3).Hits,
            .. Retrieval.Evaluate(train.to_type(type), trainLabels, test.to_type(type), testLabels).LeftToRight.Ranks,
            .. Retrieval.OneWay(train.to_type(type), trainLabels, test.to_type(type), testLabels).AveragePrecisions,
        ];
        var hits = Hits(ScalarType.Float32);
        hits.Should().Equal(Hits(ScalarType.Float64));
        hits.Should().AllBeEquivalentTo(1.0);
    }

    [Theory]
    [InlineData(ScalarType.Float32, true)]
    [InlineData(ScalarType.Float32, false)]
    [InlineData(ScalarType.Float64, true)]
    [InlineData(ScalarType.Float64, false)]
    public void A_row_of_zeros_ties_with_what_is_orthogonal(ScalarType type, bool normalize)
    {
        using var scope = NewDisposeScope();
        // Half of an orthonormal basis asks, the other half answers: every score is 0 on paper. The match of query 0 is 0 itself.
        var basis = linalg.qr(Data.Normal(132, 132, 1)).Q.mul(3).to_type(type);
        var (left, right) = (basis.narrow(0, 0, 66), basis.narrow(0, 66, 66).clone());
        right[0] = zeros(132, dtype: type);
        Retrieval.Evaluate(left, right, similarity: Data.Measure(normalize)).LeftToRight.Ranks.Should().OnlyContain(rank => rank == 33.5);
        Retrieval.Evaluate(right, left, similarity: Data.Measure(normalize)).RightToLeft.Ranks.Should().OnlyContain(rank => rank == 33.5);

        var (one, labels) = (zeros(1, dtype: ScalarType.Int64), arange(66).clamp_max(1));
        double random = Enumerable.Range(1, 66).Average(place => 1.0 / place);
        Retrieval.OneWay(left.narrow(0, 0, 1), one, right, labels, similarity: Data.Measure(normalize)).MeanAveragePrecision.Should().BeApproximately(random, 1e-12);
        NearestNeighborProbe.Evaluate(
                right, labels, left.narrow(0, 0, 1), one, 1, normalize ? SimilarityMeasure.Cosine : SimilarityMeasure.DotProduct)
            .Accuracy.Should().BeApproximately(1 / 66.0, 1e-12);
        using var classifier = new ZeroShotClassifier(right);
        classifier.Evaluate(left.narrow(0, 0, 1), one).Ranks.Should().Equal(33.5);
    }

    [Theory]
    [InlineData(ScalarType.Float32, 700)]
    [InlineData(ScalarType.Float32, 20_000)]
    [InlineData(ScalarType.Float64, 700)]
    public void Copies_of_one_direction_tie_whatever_their_length(ScalarType type, long columns)
    {
        using var scope = NewDisposeScope();
        Tensor Copies(long seed) => Data.Normal(1, columns, seed).mul(Data.Normal(60, 1, seed + 1).abs().add(0.1)).to_type(type);
        var labels = arange(60).remainder(4);
        // With themselves, and with copies of another direction.
        foreach (var (left, right) in new[] { (Copies(1), Copies(1)), (Copies(1), Copies(3)) })
        {
            var report = Retrieval.Evaluate(left, right);
            report.LeftToRight.Ranks.Concat(report.RightToLeft.Ranks).Should().OnlyContain(rank => rank == 30.5);
            NearestNeighborProbe.Evaluate(left, labels, right, labels, 7).Hits.Should().OnlyContain(hit => Math.Abs(hit - 0.25) < 1e-12);
            // 15 of 60 are relevant.
            double first = Enumerable.Range(1, 60).Average(place => 1.0 / place);
            Retrieval.OneWay(left, labels, right, labels).AveragePrecisions.Should().OnlyContain(
                precision => Math.Abs(precision - first - ((1 - first) * 14 / 59)) < 1e-12);
            using var classifier = new ZeroShotClassifier(left);
            classifier.Evaluate(right, arange(60)).Ranks.Should().OnlyContain(rank => rank == 30.5);
        }
    }
}
