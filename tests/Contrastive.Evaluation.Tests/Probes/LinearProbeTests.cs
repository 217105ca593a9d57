using static Contrastive.Evaluation.Tests.RetrievalTests;
using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public sealed class LinearProbeTests : IDisposable
{
    private static readonly LinearProbeOptions Raw = new() { Standardize = false };

    private readonly TorchSharp.DisposeScope _scope = NewDisposeScope();
    private readonly Tensor _train, _trainLabels, _test, _testLabels;

    /// <summary>Four overlapping classes around random centres.</summary>
    public LinearProbeTests()
    {
        var centres = Data.Normal(4, 6, 1);
        _trainLabels = arange(120).remainder(4);
        _testLabels = arange(200).remainder(4);
        _train = centres[_trainLabels] + Data.Normal(120, 6, 2);
        _test = centres[_testLabels] + Data.Normal(200, 6, 3);
    }

    public void Dispose() => _scope.Dispose();

    private LinearProbeReport Evaluate(
        Tensor? train = null, Tensor? test = null, LinearProbeOptions? options = null, ulong seed = 1)
    {
        using var generator = new Generator(seed);
        return LinearProbe.Evaluate(train ?? _train, _trainLabels, test ?? _test, _testLabels, options, generator);
    }

    private FewShotReport FewShot(int shots, int draws = 3, ulong seed = 1, LinearProbeOptions? options = null)
    {
        using var generator = new Generator(seed);
        return LinearProbe.FewShot(_train, _trainLabels, _test, _testLabels, shots, draws, options, generator);
    }

    [Fact]
    public void Agrees_with_a_case_done_by_hand()
    {
        // Separated at 0, any integers as labels; the last test row lies on the other side, and label 5 was never seen.
        var train = Data.Matrix(new double[,] { { -2 }, { -1 }, { -3 }, { 1 }, { 2 }, { 3 } });
        var test = Data.Matrix(new double[,] { { -0.5 }, { 0.5 }, { 4 }, { -4 }, { 1 } });
        var report = LinearProbe.Evaluate(
            train, tensor(new[] { -7, -7, -7, 1000, 1000, 1000 }), test, tensor(new long[] { -7, 1000, 1000, 1000, 5 }));
        report.Accuracy.Should().Be(3.0 / 5);
        report.Hits.Should().Equal(1, 1, 1, 0, 0);
        report.BalancedAccuracy.Should().BeApproximately((1 + (2.0 / 3) + 0) / 3, 1e-15);
        report.Converged.Should().BeTrue();
        report.Validation.Should().OnlyContain(score => score.Accuracy == 1);
        report.ToString().Should().StartWith("accuracy 0.6000, balanced 0.5556, strength");
    }

    [Fact]
    public void The_chosen_strength_is_the_best_on_validation()
    {
        foreach (ulong seed in new ulong[] { 1, 2, 3, 4, 5 })
        {
            foreach (var report in FewShot(7, seed: seed).Draws.Add(Evaluate(seed: seed)))
            {
                report.Validation.Select(score => score.Strength).Should().Equal(1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100);
                var chosen = report.Validation.Single(score => score.Strength == report.Strength);
                double best = report.Validation.Max(score => score.Accuracy);
                chosen.Accuracy.Should().Be(best);
                chosen.CrossEntropy.Should().Be(
                    report.Validation.Where(score => score.Accuracy == best).Min(score => score.CrossEntropy));
            }
        }
    }

    [Fact]
    public void A_single_strength_is_taken_without_validation_and_its_order_and_copies_do_not_matter()
    {
        var single = Evaluate(options: new LinearProbeOptions { Strengths = [0.3] });
        (single.Strength, single.Validation.Length).Should().Be((0.3, 0));
        var shuffled = Evaluate(options: new LinearProbeOptions { Strengths = [10, 1e-4, 1e-3, 1e-2, 1, 0.1, 1, 100] });
        shuffled.Should().BeEquivalentTo(Evaluate());
    }

    [Fact]
    public void The_strength_is_per_sample()
    {
        var options = new LinearProbeOptions { Strengths = [0.1], Tolerance = 1e-9 };
        var once = LinearProbe.Evaluate(_train, _trainLabels, _test, _testLabels, options);
        var twice = LinearProbe.Evaluate(cat([_train, _train]), cat([_trainLabels, _trainLabels]), _test, _testLabels, options);
        twice.Accuracy.Should().Be(once.Accuracy);
    }

    [Fact]
    public void Standardised_features_may_have_any_scale_and_constants()
    {
        var expected = Evaluate();
        var scale = tensor(new[] { 1e200, 1e-200, 3, 1e9, 1e-6, 1 });
        Evaluate(_train.mul(scale), _test.mul(scale)).Accuracy.Should().Be(expected.Accuracy);
        var shift = tensor(new double[] { 1e6, -1e6, 0, 5, 1, 100 });
        Evaluate(_train.add(shift), _test.add(shift)).Accuracy.Should().Be(expected.Accuracy);

        // A constant feature says nothing, not even where the test rows differ in it.
        Tensor constant = full(120, 1, 0.1, dtype: ScalarType.Float64), other = Data.Normal(200, 1, 9).mul(1e9);
        Evaluate(cat([_train, constant], 1), cat([_test, other], 1)).Accuracy.Should().Be(expected.Accuracy);
        Evaluate(zeros_like(_train), _test).Accuracy.Should().Be(0.25);
        Evaluate(_train.mul(1e-3), _test.mul(1e-3), Raw).Accuracy.Should().BeLessThanOrEqualTo(1);
    }

    [Fact]
    public void Hopeless_features_neither_throw_nor_claim_to_have_converged()
    {
        var report = Evaluate(_train.mul(1e200), _test.mul(1e200), Raw);
        report.Converged.Should().BeFalse();
        report.ToString().Should().EndWith(", not converged");
        Evaluate().ToString().Should().NotContain("converged");
        report.Accuracy.Should().BeInRange(0, 1);
        Evaluate(options: new LinearProbeOptions { MaximumEvaluations = 2 }).Converged.Should().BeFalse();
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    public void Every_dtype_is_fitted_in_float64(ScalarType type)
    {
        Tensor train = _train.to_type(type), test = _test.to_type(type);
        var report = Evaluate(train, test);
        report.Should().BeEquivalentTo(Evaluate(train.to_type(ScalarType.Float64), test.to_type(ScalarType.Float64)));
        report.Accuracy.Should().BeGreaterThan(0.7);
    }

    [Fact]
    public void Strides_label_dtypes_and_gradients_do_not_matter()
    {
        using var generator = new Generator(1);
        LinearProbe.Evaluate(
                Data.Strided(_train).requires_grad_(), _trainLabels.to_type(ScalarType.Byte),
                Data.Strided(_test), _testLabels.to_type(ScalarType.Int16), generator: generator)
            .Should().BeEquivalentTo(Evaluate());
    }

    [Fact]
    public void The_same_seed_gives_the_same_numbers()
    {
        Evaluate(seed: 7).Should().BeEquivalentTo(Evaluate(seed: 7));
        FewShot(5, seed: 7).Accuracies.Should().Equal(FewShot(5, seed: 7).Accuracies);
        FewShot(5, seed: 7).Accuracies.Should().NotEqual(FewShot(5, seed: 8).Accuracies);
    }

    [Fact]
    public void Few_shots_report_their_mean_and_spread()
    {
        foreach (int shots in new[] { 1, 5, 10 })
        {
            var report = FewShot(shots, draws: 4);
            (report.Shots, report.Draws.Length).Should().Be((shots, 4));
            report.Accuracies.Should().OnlyContain(accuracy => accuracy > 0.3);
            report.Mean.Should().BeApproximately(report.Accuracies.Average(), 1e-15);
            double variance = report.Accuracies.Sum(accuracy => Math.Pow(accuracy - report.Mean, 2)) / 3;
            report.StandardDeviation.Should().BeApproximately(Math.Sqrt(variance), 1e-15).And.BeGreaterThan(0);
            report.Draws.Should().OnlyContain(draw => draw.Converged && draw.Validation.Length == (shots == 1 ? 0 : 7));
            report.ToString().Should().StartWith($"{shots} per class, 4 draws: accuracy 0.");
        }

        FewShot(1).Draws.Should().OnlyContain(draw => draw.Strength == 0.01);
        FewShot(1, options: new LinearProbeOptions { DefaultStrength = 3 }).Draws
            .Should().OnlyContain(draw => draw.Strength == 3);
        FewShot(1, draws: 1).StandardDeviation.Should().Be(double.NaN);
        FewShot(10).Mean.Should().BeGreaterThan(FewShot(1).Mean);
    }

    [Fact]
    public void Few_shots_of_all_rows_are_the_full_probe()
    {
        var options = new LinearProbeOptions { Strengths = [0.1], Tolerance = 1e-8 };
        var few = FewShot(30, options: options);
        few.Accuracies.Should().OnlyContain(accuracy => accuracy == Evaluate(null, null, options, 1).Accuracy);
        few.StandardDeviation.Should().BeApproximately(0, 1e-15);
    }

    [Fact]
    public void A_row_per_class_leaves_nothing_to_validate_on()
    {
        var report = LinearProbe.Evaluate(
            _train.narrow(0, 0, 4), _trainLabels.narrow(0, 0, 4), _test, _testLabels);
        (report.Strength, report.Validation.Length).Should().Be((0.01, 0));
    }

    [Fact]
    public void Leaves_no_tensors_behind()
    {
        using var generator = new Generator(1);
        Data.LeftBehind(() => LinearProbe.Evaluate(_train, _trainLabels, _test, _testLabels, generator: generator))
            .Should().Be(0);
        Data.LeftBehind(() => LinearProbe.Evaluate(_train, _trainLabels, _test, _testLabels, Raw)).Should().Be(0);
        Data.LeftBehind(() => LinearProbe.FewShot(_train, _trainLabels, _test, _testLabels, 2)).Should().Be(0);
    }

    [Fact]
    public void Refuses_what_it_cannot_fit()
    {
        void Probe(Tensor train, Tensor trainLabels, Tensor test, Tensor testLabels)
            => LinearProbe.Evaluate(train, trainLabels, test, testLabels);
        Tensor x = ones(4, 3), y = tensor(new long[] { 0, 0, 1, 1 });
        Refuses(() => Probe(null!, y, x, y), "trainFeatures");
        Refuses(() => Probe(x, null!, x, y), "trainLabels");
        Refuses(() => Probe(x, y, null!, y), "testFeatures");
        Refuses(() => Probe(x, y, x, null!), "testLabels");
        Refuses(() => Probe(ones(4), y, x, y), "trainFeatures", "(N, D)", "(4)");
        Refuses(() => Probe(ones(4, 3, dtype: ScalarType.Int32), y, x, y), "trainFeatures", "float32", "Int32");
        Refuses(() => Probe(x, y, ones(4, 2), y), "testFeatures", "3 features", "2");
        Refuses(() => Probe(x, y, x.to_type(ScalarType.Float16), y), "testFeatures", "Float32", "Float16");
        Refuses(() => Probe(x, ones(4), x, y), "trainLabels", "integers", "Float32");
        Refuses(() => Probe(x, tensor(new long[] { 0, 1 }), x, y), "trainLabels", "(4)", "(2)");
        Refuses(() => Probe(x, y, x, tensor(new long[] { 0, 1 })), "testLabels", "(4)", "(2)");
        Refuses(() => Probe(x, y, ones(0, 3), y), "testFeatures", "at least 1 rows", "0");
        Refuses(() => Probe(full(4, 3, float.NaN), y, x, y), "trainFeatures", "12 values of 12");
        Refuses(() => Probe(x, y, full(4, 3, float.NaN), y), "testFeatures", "12 values of 12");
        Refuses(
            () => Probe(x, tensor(new long[] { 9, 9, 9, 9 }), x, y), "trainLabels", "at least 2 classes", "4 rows", "class 9");
        Refuses(
            () => LinearProbe.FewShot(x, tensor(new long[] { 0, 0, 0, 8 }), x, y, 2),
            "trainLabels", "1 rows of class 8", "2 shots");
        Refuses(() => LinearProbe.FewShot(x, y, x, y, 0), "shots", "at least 1", "0");
        Refuses(() => LinearProbe.FewShot(x, y, x, y, 1, draws: 0), "draws", "at least 1", "0");
        Refuses(() => _ = new LinearProbeOptions { Strengths = [] }, "Strengths", "0 values", "1");
        Refuses(() => _ = new LinearProbeOptions { Strengths = [1, -1] }, "Strengths", "positive", "-1");
        Refuses(() => _ = new LinearProbeOptions { DefaultStrength = 0 }, "DefaultStrength", "positive", "0");
        foreach (double share in new[] { 0, 1, -0.5, double.NaN })
            Refuses(() => _ = new LinearProbeOptions { ValidationShare = share }, "ValidationShare", "(0, 1)", $"{share}");
        Refuses(() => _ = new LinearProbeOptions { Tolerance = double.NaN }, "Tolerance", "positive", "NaN");
        Refuses(() => _ = new LinearProbeOptions { MaximumEvaluations = 0 }, "MaximumEvaluations", "at least 1", "0");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Features_that_tell_nothing_score_at_chance(bool standardize)
    {
        var labels = arange(80).remainder(4);
        foreach (var constant in new[] { ones(80, 6), full(80, 6, 0.3).to_type(ScalarType.Float32), zeros(80, 6) })
        {
            using var generator = new Generator(1);
            var report = LinearProbe.Evaluate(
                constant, labels, constant, labels, new LinearProbeOptions { Standardize = standardize }, generator);
            (report.Accuracy, report.BalancedAccuracy).Should().Be((0.25, 0.25));
            report.Hits.Should().OnlyContain(hit => hit == 0.25);
            report.Validation.Should().OnlyContain(score => Math.Abs(score.Accuracy - 0.25) < 1e-12);
            LinearProbe.FewShot(constant, labels, constant, labels, 3, 2, new LinearProbeOptions { Standardize = standardize }, generator)
                .Mean.Should().Be(0.25);
        }
    }

    [Fact]
    public void Classes_that_no_row_tells_apart_share_their_hits()
    {
        // Classes 3, 4 and 5 have the same rows.
        Tensor Doubled(Tensor x) => cat([x, x[_trainLabels.eq(3)], x[_trainLabels.eq(3)]]);
        var train = Doubled(_train);
        var labels = cat([_trainLabels, full(30, 4, dtype: ScalarType.Int64), full(30, 5, dtype: ScalarType.Int64)]);
        var report = LinearProbe.Evaluate(train, labels, train, labels, new LinearProbeOptions { Strengths = [1] });
        long[] of = labels.data<long>().ToArray();
        double[] Of(long label) => [.. report.Hits.Where((_, row) => of[row] == label)];
        Of(4).Should().Equal(Of(3));
        Of(5).Should().Equal(Of(3));
        Of(3).Should().OnlyContain(hit => hit == 0 || hit == 1 / 3.0).And.Contain(1 / 3.0);
        Of(0).Should().Contain(1);
    }

    [Fact]
    public void Fitted_once_it_answers_often()
    {
        using var generator = new Generator(1);
        using var classifier = LinearProbe.Fit(_train, _trainLabels.add(10), generator: generator);
        classifier.Classes.Should().Equal(10, 11, 12, 13);
        var report = classifier.Evaluate(_test, _testLabels.add(10));
        report.Should().BeEquivalentTo(Evaluate());
        (classifier.Strength, classifier.Converged, classifier.StrengthIsAtEdge).Should().Be((report.Strength, report.Converged, report.StrengthIsAtEdge));

        var probabilities = classifier.Probabilities(_test);
        probabilities.shape.Should().Equal(200, 4);
        probabilities.sum(dim: 1).ShouldEqual(ones(200, dtype: ScalarType.Float64));
        var predicted = classifier.Predict(_test);
        predicted.IsSameAs(probabilities.argmax(1).add(10)).Should().BeTrue();
        predicted.eq(_testLabels.add(10)).to_type(ScalarType.Float64).data<double>().ToArray().Should().Equal(report.Hits);
        classifier.Probabilities(_test.narrow(0, 3, 1)).ShouldEqual(probabilities.narrow(0, 3, 1), 1e-12);

        // Probabilities of two classes split at 0: by the logistic function of w x + b.
        var x = Data.Matrix(new double[,] { { -2 }, { -1 }, { 1 }, { 2 } });
        using var two = LinearProbe.Fit(x, tensor(new long[] { 0, 0, 1, 1 }), new LinearProbeOptions { Strengths = [0.1], Standardize = false, Tolerance = 1e-10 });
        var half = two.Probabilities(zeros(1, 1, dtype: ScalarType.Float64));
        half.ShouldEqual(full(1, 2, 0.5, dtype: ScalarType.Float64), 1e-6);
    }

    [Fact]
    public void Classes_that_tie_are_predicted_as_the_first()
    {
        var labels = arange(80).remainder(4).neg();
        using var classifier = LinearProbe.Fit(ones(80, 6), labels);
        classifier.Predict(ones(3, 6)).data<long>().ToArray().Should().Equal(-3, -3, -3);
    }

    [Fact]
    public void The_edge_of_the_grid_is_told()
    {
        LinearProbeReport Of(params double[] strengths) => Evaluate(options: new LinearProbeOptions { Strengths = [.. strengths] });
        var narrow = Of(1e4, 1e5);
        narrow.StrengthIsAtEdge.Should().BeTrue();
        narrow.ToString().Should().Contain("(at the edge of the grid)");
        Of(0.1).StrengthIsAtEdge.Should().BeFalse("there was nothing to choose from");
        var wide = Evaluate();
        wide.StrengthIsAtEdge.Should().Be(wide.Strength is 1e-4 or 100);
    }

    [Fact]
    public void A_fitted_classifier_leaves_no_tensors_behind_and_refuses_other_features()
    {
        Data.LeftBehind(() =>
        {
            using var classifier = LinearProbe.Fit(_train, _trainLabels);
            classifier.Predict(_test).Dispose();
            classifier.Probabilities(_test).Dispose();
            classifier.Evaluate(_test, _testLabels);
        }).Should().Be(0);
        using var fitted = LinearProbe.Fit(_train, _trainLabels);
        Refuses(() => fitted.Predict(ones(3, 5, dtype: ScalarType.Float64)), "features", "5 features", "6");
        Refuses(() => fitted.Predict(ones(3, 6)), "features", "Float32", "Float64");
        Refuses(() => fitted.Probabilities(zeros(0, 6, dtype: ScalarType.Float64)), "features", "at least 1 rows");
        Refuses(() => fitted.Evaluate(_test, _trainLabels), "labels", "(200)", "(120)");
        Refuses(() => LinearProbe.Fit(_train, _testLabels), "labels", "(120)", "(200)");
        Refuses(() => LinearProbe.Fit(_train, zeros_like(_trainLabels)), "labels", "at least 2 classes");
    }
}
