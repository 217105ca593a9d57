using CsCheck;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class ZeroShotClassifierTests
{
    [Fact]
    public void Classifies_a_case_done_by_hand()
    {
        using var scope = NewDisposeScope();
        // Classes along x, y, and the diagonal between them; lengths do not count.
        using var classifier = new ZeroShotClassifier(Data.Matrix(new double[,] { { 2, 0 }, { 0, 5 }, { 3, 3 } }));
        var rows = Data.Matrix(new double[,] { { 4, 0 }, { 1, 3 }, { 10, 9 }, { 0, -1 } });
        classifier.Classes.Should().Be(3);

        var (scores, classes) = classifier.Predict(rows, k: 2);
        classes.data<long>().ToArray().Should().Equal(0, 2, 1, 2, 2, 0, 0, 2);
        double half = Math.Sqrt(0.5);
        scores.ShouldEqual(Data.Matrix(new[,]
        {
            { 1, half },
            { 3 / Math.Sqrt(10), 4 * half / Math.Sqrt(10) },
            { 19 * half / Math.Sqrt(181), 10 / Math.Sqrt(181) },
            { 0, -half },
        }));

        var report = classifier.Evaluate(rows, tensor(new[] { 0, 2, 2, 1 }), [2, 1]);
        report.Ranks.Should().Equal(1, 2, 1, 3);
        report.Hits.Should().Equal(1, 0, 1, 0);
        report.HitsAt(2).Should().Equal(1, 1, 1, 0);
        report.Accuracy.Should().Be(0.5);
        report.TopAccuracy.Keys.Should().Equal(1, 2);
        report.TopAccuracy[2].Should().Be(0.75);
        report.ClassAccuracies.Should().Equal(1, 0, 0.5);
        report.BalancedAccuracy.Should().Be(0.5);
        report.ConfusionMatrix().Should().BeEquivalentTo(new double[,] { { 1, 0, 0 }, { 1, 0, 0 }, { 0, 1, 1 } });
        report.ToString().Should().Be("top-1 0.5000, top-2 0.7500, balanced 0.5000");
    }

    [Fact]
    public void Probabilities_are_the_softmax_of_the_cosines_over_all_classes()
    {
        using var scope = NewDisposeScope();
        using var classifier = new ZeroShotClassifier(Data.Matrix(new double[,] { { 1, 0 }, { 0, 1 }, { -1, 0 } }));
        var row = Data.Matrix(new double[,] { { 3, 4 } });                               // cosines 0.6, 0.8, -0.6
        var (scores, classes) = classifier.Predict(row, 2, temperature: 0.1);
        double all = Math.Exp(6) + Math.Exp(8) + Math.Exp(-6);
        scores.ShouldEqual(Data.Matrix(new[,] { { Math.Exp(8) / all, Math.Exp(6) / all } }));
        classes.data<long>().ToArray().Should().Equal(1, 0);
        var (certain, _) = classifier.Predict(row, temperature: 1e-320);
        certain.ShouldEqual(Data.Matrix(new double[,] { { 1, 0, 0 } }));
    }

    [Fact]
    public void An_ensemble_is_the_unit_mean_of_unit_prompts()
        => Gen.Int[1, 4].SelectMany(c => Gen.Int[1, 4].Array[c].SelectMany(counts => Gen.Int[1, 4].SelectMany(d => Gen.Select(
                Gen.Const(counts), Gen.Double[-3, 3].Array2D[counts.Sum(), d], Gen.Shuffle(Enumerable.Range(0, counts.Sum()).ToArray())))))
            .Check(
                drawn =>
                {
                    var (counts, prompts, order) = drawn;
                    int[] numbers = [.. counts.SelectMany((count, number) => Enumerable.Repeat(number, count))];
                    double[,] unit = Data.Unit(prompts), means = new double[counts.Length, prompts.GetLength(1)];
                    for (int p = 0; p < numbers.Length; p++)
                    {
                        for (int j = 0; j < means.GetLength(1); j++)
                            means[numbers[p], j] += unit[p, j] / counts[numbers[p]];
                    }

                    if (Enumerable.Range(0, counts.Length).Any(number => Data.Dot(means, number, means, number) < 1e-4)) return;
                    var expected = Data.Matrix(Data.Unit(means));
                    var embeddings = Data.Matrix(prompts);
                    var set = PromptSet.Of([.. counts.Select(count =>
                        ("class", (IReadOnlyList<string>)[.. Enumerable.Repeat("prompt", count)]))]);
                    using var bySet = new ZeroShotClassifier(embeddings, set);
                    bySet.Weights.ShouldEqual(expected, 1e-9);
                    using var byNumber = new ZeroShotClassifier(
                        embeddings.index_select(0, tensor(order)), tensor(order.Select(p => numbers[p]).ToArray()));
                    byNumber.Weights.ShouldEqual(expected, 1e-9);
                },
                100);

    [Fact]
    public void Prompts_that_cancel_score_zero()
    {
        using var scope = NewDisposeScope();
        var e = Data.Normal(1, 300, 1, ScalarType.Float32);
        using var classifier = new ZeroShotClassifier(cat([e.mul(3), e.neg(), e.mul(0.1), e]), tensor(new[] { 0, 0, 1, 1 }));
        classifier.Weights[0].count_nonzero().item<long>().Should().Be(0);
        var (scores, classes) = classifier.Predict(cat([e, e.neg(), zeros_like(e)]));
        classes.data<long>().ToArray().Should().Equal(1, 0, 0, 1, 0, 1);
        scores.ShouldEqual(tensor(new float[,] { { 1, 0 }, { 0, -1 }, { 0, 0 } }), 1e-6);
    }

    [Fact]
    public void Agrees_with_the_definition_for_any_shape_chunk_and_tie()
        => Gen.Int[1, 8].SelectMany(n => Gen.Int[1, 6].SelectMany(c => Gen.Int[1, 3].SelectMany(d => Gen.Select(
                Data.Coarse(n, d), Data.Coarse(c, d), Gen.Int[0, c - 1].Array[n], Gen.Int[1, 9], Data.Types))))
            .Check(
                drawn =>
                {
                    var (x, w, labels, chunk, type) = drawn;
                    using var classifier = new ZeroShotClassifier(Data.Matrix(w, type));
                    var report = classifier.Evaluate(Data.Matrix(x, type), tensor(labels), [1, 3, 100], chunk);
                    double[,] a = Data.Unit(x), b = Data.Unit(w);
                    int c = w.GetLength(0);
                    double[,] confusion = new double[c, c];
                    for (int i = 0; i < labels.Length; i++)
                    {
                        double[] scores = [.. Enumerable.Range(0, c).Select(j => Data.Dot(a, i, b, j))];
                        double own = scores[labels[i]];
                        int above = scores.Count(score => score > own + 1e-12);
                        int[] places = [.. Enumerable.Range(above + 1, scores.Count(score => Math.Abs(score - own) <= 1e-12))];
                        report.Ranks[i].Should().BeApproximately(places.Average(), 1e-12);
                        foreach (int k in new[] { 1, 2, 3, 4 })
                            report.HitsAt(k)[i].Should().BeApproximately(places.Average(place => place <= k ? 1.0 : 0), 1e-12);
                        int[] best = [.. Enumerable.Range(0, c).Where(j => scores[j] >= scores.Max() - 1e-12)];
                        foreach (int j in best)
                            confusion[labels[i], j] += 1.0 / best.Length;
                    }

                    double[,] table = report.ConfusionMatrix();
                    for (int i = 0; i < c; i++)
                    {
                        for (int j = 0; j < c; j++)
                            table[i, j].Should().BeApproximately(confusion[i, j], 1e-12);
                    }

                    report.TopAccuracy[100].Should().Be(1);
                    report.TopAccuracy[3].Should().BeApproximately(report.HitsAt(3).Average(), 1e-12);
                    report.Accuracy.Should().BeApproximately(report.Hits.Average(), 1e-12);
                    Enumerable.Range(0, c).Sum(i => table[i, i]).Should().BeApproximately(labels.Length * report.Accuracy, 1e-9);
                    report.BalancedAccuracy.Should().BeApproximately(
                        report.ClassAccuracies.Where(accuracy => !double.IsNaN(accuracy)).Average(), 1e-12);
                    report.ClassAccuracies.Select(double.IsNaN).Should().Equal(Enumerable.Range(0, c).Select(j => !labels.Contains(j)));
                },
                200);

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    public void Classes_with_one_direction_share_the_hits(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var classifier = new ZeroShotClassifier(Data.Normal(1, 300, 3, type).expand(50, 300));
        var report = classifier.Evaluate(Data.Normal(200, 300, 4, type), arange(200).remainder(50), chunkSize: 37);
        report.TopAccuracy.Keys.Should().Equal(1, 3, 5);
        report.TopAccuracy[1].Should().BeApproximately(1 / 50.0, 1e-12);
        report.TopAccuracy[5].Should().BeApproximately(5 / 50.0, 1e-12);
        report.ConfusionMatrix()[7, 31].Should().BeApproximately(4 / 50.0, 1e-12);
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Half_precision_is_computed_in_float32(ScalarType type)
    {
        using var scope = NewDisposeScope();
        Tensor prompts = Data.Normal(20, 16, 1, type), rows = Data.Normal(60, 16, 2, type), labels = arange(60).remainder(10);
        var numbers = arange(20).remainder(10);
        using var half = new ZeroShotClassifier(prompts, numbers);
        using var single = new ZeroShotClassifier(prompts.to_type(ScalarType.Float32), numbers);
        half.Evaluate(rows, labels).Ranks.Should().Equal(single.Evaluate(rows.to_type(ScalarType.Float32), labels).Ranks);
        half.Predict(rows).Scores.dtype.Should().Be(ScalarType.Float32);
    }

    [Fact]
    public void Chunks_strides_and_required_gradients_do_not_matter()
    {
        using var scope = NewDisposeScope();
        Tensor prompts = Data.Normal(12, 5, 1), rows = Data.Normal(40, 5, 2), labels = arange(40).remainder(12);
        using var plain = new ZeroShotClassifier(prompts);
        using var strided = new ZeroShotClassifier(Data.Strided(prompts).requires_grad_());
        var expected = plain.Evaluate(rows, labels);
        var (scores, classes) = plain.Predict(rows, 3, 0.5);
        var everyOther = labels.repeat_interleave(2).slice(0, 0, 80, 2);
        everyOther.is_contiguous().Should().BeFalse();
        foreach (long? chunk in new long?[] { null, 1, 7, 100 })
        {
            strided.Evaluate(Data.Strided(rows).requires_grad_(), everyOther, chunkSize: chunk).Ranks.Should().Equal(expected.Ranks);
            var (again, same) = strided.Predict(Data.Strided(rows).requires_grad_(), 3, 0.5, chunk);
            again.ShouldEqual(scores);
            again.requires_grad.Should().BeFalse();
            same.IsSameAs(classes).Should().BeTrue();
        }
    }

    [Fact]
    public void Frees_all_but_what_it_returns()
    {
        using Tensor prompts = Data.Normal(12, 5, 1), rows = Data.Normal(40, 5, 2), numbers = arange(12).remainder(4);
        using var labels = arange(40).remainder(4);
        Data.LeftBehind(() =>
        {
            using var classifier = new ZeroShotClassifier(prompts, numbers);
            classifier.Evaluate(rows, labels, chunkSize: 9);
            var (scores, classes) = classifier.Predict(rows, chunkSize: 9);
            scores.Dispose();
            classes.Dispose();
        }).Should().Be(0);

        ZeroShotClassifier kept;
        using (NewDisposeScope())
            kept = new ZeroShotClassifier(prompts);
        kept.Weights.shape.Should().Equal(12, 5);
        kept.Dispose();
    }

    [Fact]
    public void Refuses_what_it_cannot_classify()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones(4, 3), labels = zeros(4, dtype: ScalarType.Int64);
        using var classifier = new ZeroShotClassifier(ones(2, 3));
        RefusesToBuild(() => new ZeroShotClassifier(null!), "classEmbeddings");
        RefusesToBuild(() => new ZeroShotClassifier(ones(0, 3)), "classEmbeddings", "at least 1 rows");
        RefusesToBuild(() => new ZeroShotClassifier(x.mul(float.NaN)), "classEmbeddings", "12 values of 12");
        RefusesToBuild(
            () => new ZeroShotClassifier(x, PromptSet.FromTemplates(["a"], PromptTemplates.Photo)), "promptEmbeddings", "4 rows", "1 prompts");
        RefusesToBuild(() => new ZeroShotClassifier(x, tensor(new[] { 0, 2, 2, 0 })), "classOfPrompt", "2 where 1");
        RefusesToBuild(() => new ZeroShotClassifier(x, tensor(new[] { 0, -1, 0, 0 })), "classOfPrompt", "-1 where 0");
        RefusesToBuild(() => new ZeroShotClassifier(x, tensor(new[] { 0, 1 })), "classOfPrompt", "(4)", "(2)");

        RetrievalTests.Refuses(() => classifier.Predict(ones(4, 2)), "features", "2 features", "3");
        RetrievalTests.Refuses(() => classifier.Predict(x.to_type(ScalarType.Float64)), "features", "Float64", "Float32");
        RetrievalTests.Refuses(() => classifier.Predict(x, 0), "k", "at least 1");
        RetrievalTests.Refuses(() => classifier.Predict(x, temperature: 0), "temperature", "positive");
        RetrievalTests.Refuses(() => classifier.Predict(x, chunkSize: 0), "chunkSize", "at least 1");
        RetrievalTests.Refuses(() => classifier.Predict(x.mul(float.NaN)), "features", "NaN");
        RetrievalTests.Refuses(() => classifier.Evaluate(x, labels.add(2)), "labels", "0 to 1", "2 at 0");
        RetrievalTests.Refuses(() => classifier.Evaluate(x, tensor(new[] { 0, 0, -1, 0 })), "labels", "-1 at 2");
        RetrievalTests.Refuses(() => classifier.Evaluate(x, labels, []), "k", "0 values");
        RetrievalTests.Refuses(() => classifier.Evaluate(x, labels).HitsAt(0), "k", "at least 1");
    }

    private static void RefusesToBuild(Func<ZeroShotClassifier> build, string argument, params string[] parts)
        => RetrievalTests.Refuses(() => build().Dispose(), argument, parts);

    [Fact]
    public void Accuracy_and_confusion_agree_where_ties_are_no_equivalence()
    {
        using var scope = NewDisposeScope();
        // Cosines with (1, 0): 1, 1 - 1.7e-7 and 1 - 3.3e-7. Each ties with the next, the first not with the last.
        using var classifier = new ZeroShotClassifier(tensor(new[,] { { 1, 0 }, { 1, 5.78e-4f }, { 1, 8.17e-4f }, { 0, 1 } }));
        var report = classifier.Evaluate(tensor(new[,] { { 1f, 0 } }).expand(4, 2), arange(4), [1, 2]);
        double[,] table = report.ConfusionMatrix();
        report.Hits.Should().Equal(0.5, 0.5, 0, 0);
        Enumerable.Range(0, 4).Select(i => table[i, i]).Should().Equal(report.Hits);
        report.Accuracy.Should().Be(0.25);
        report.Ranks.Take(2).Should().Equal(1.5, 1.5);
        report.HitsAt(2).Take(2).Should().Equal(1, 1);
        report.Ranks[2].Should().BeGreaterThan(2);
    }

    [Fact]
    public void Predictions_are_in_the_order_of_the_cosines_at_any_temperature()
    {
        using var scope = NewDisposeScope();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            using var classifier = new ZeroShotClassifier(
                Data.Matrix(new double[,] { { 1, 3 }, { 1, 1 }, { 1, 2 }, { 1, 0 } }, type));
            var row = Data.Matrix(new double[,] { { 1, 0 } }, type);
            foreach (double? temperature in new double?[] { null, 0.1, 1e-4, 1e-300 })
                classifier.Predict(row, 4, temperature).Classes.data<long>().ToArray().Should().Equal(3, 1, 2, 0);
            classifier.Predict(row, 4, 1e-4).Scores.ShouldEqual(Data.Matrix(new double[,] { { 1, 0, 0, 0 } }, type), 0);
            using var all = classifier.Predict(row, 4, 0.1).Scores;
            classifier.Predict(row, 2, 0.1).Scores.ShouldEqual(all.narrow(1, 0, 2), 0);
        }
    }

    [Fact]
    public void Prompts_cancel_by_what_they_are_not_by_how_wide_they_are()
    {
        using var scope = NewDisposeScope();
        // Of so many columns the bound on a product's rounding is 0.006; the mean of these two has a length of 0.002.
        Tensor e = Data.Normal(1, 100_000, 1, ScalarType.Float32), other = Data.Normal(1, 100_000, 2, ScalarType.Float32);
        using var classifier = new ZeroShotClassifier(cat([e, e.neg().add(other.mul(0.004f))]), zeros(2, dtype: ScalarType.Int64));
        classifier.Weights.norm().item<float>().Should().BeApproximately(1, 1e-4f);
        using var cancelled = new ZeroShotClassifier(cat([e.mul(3), e.mul(-0.7f)]), zeros(2, dtype: ScalarType.Int64));
        cancelled.Weights.norm().item<float>().Should().Be(0);
    }
}
