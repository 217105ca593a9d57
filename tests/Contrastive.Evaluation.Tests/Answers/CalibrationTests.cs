using static TorchSharp.torch;

namespace Contrastive.Evaluation.Tests;

public class CalibrationTests
{
    [Fact]
    public void Errors_and_scores_of_a_case_done_by_hand()
    {
        using var scope = NewDisposeScope();
        // Two bins. Confidences 0.4 (right), 0.9 (right), 0.7 (wrong) and 0.5 (half: shared by two classes).
        var probabilities = tensor(new[,] { { 0.4, 0.3, 0.3 }, { 0.05, 0.9, 0.05 }, { 0.7, 0.2, 0.1 }, { 0.5, 0.5, 0 } });
        var report = Calibration.Evaluate(probabilities, tensor(new long[] { 0, 1, 1, 0 }), bins: 2);
        report.Bins.Select(bin => bin.Rows).Should().Equal(2, 2);
        report.Bins[0].Confidence.Should().BeApproximately(0.45, 1e-12);
        report.Bins[0].Accuracy.Should().BeApproximately(0.75, 1e-12);
        report.Bins[1].Confidence.Should().BeApproximately(0.8, 1e-12);
        report.Bins[1].Accuracy.Should().BeApproximately(0.5, 1e-12);
        report.ExpectedError.Should().BeApproximately((0.3 / 2) + (0.3 / 2), 1e-12);
        report.MaximumError.Should().BeApproximately(0.3, 1e-12);
        double[] brier = [0.36 + 0.09 + 0.09, 0.0025 + 0.01 + 0.0025, 0.49 + 0.64 + 0.01, 0.25 + 0.25];
        report.BrierScore.Should().BeApproximately(brier.Average(), 1e-12);
        report.CrossEntropy.Should().BeApproximately(-(Math.Log(0.4) + Math.Log(0.9) + Math.Log(0.2) + Math.Log(0.5)) / 4, 1e-12);
        (report.Accuracy, report.Confidence).Should().Be((0.625, 0.625));
        report.ToString().Should().StartWith("ECE 0.3000, MCE 0.3000, Brier ");
    }

    [Fact]
    public void The_upper_end_of_a_bin_belongs_to_it()
    {
        using var scope = NewDisposeScope();
        var report = Calibration.Evaluate(tensor(new[,] { { 0.5, 0.5 }, { 1.0, 0 } }), tensor(new long[] { 0, 0 }), bins: 4);
        report.Bins.Select(bin => bin.Rows).Should().Equal(0, 1, 0, 1);
        report.Bins[0].Accuracy.Should().Be(double.NaN);
    }

    [Fact]
    public void Probes_and_zero_shot_classes_give_what_it_takes()
    {
        using var scope = NewDisposeScope();
        using var classifier = new ZeroShotClassifier(eye(3));
        var rows = Data.Normal(50, 3, 1, ScalarType.Float32);
        var labels = rows.argmax(1);
        var scores = classifier.Score(rows, temperature: 0.1);
        scores.sum(dim: 1).ShouldEqual(ones(50), 1e-5);
        Calibration.Evaluate(scores, labels).Accuracy.Should().Be(1);
        classifier.Score(rows).ShouldEqual(nn.functional.normalize(rows, dim: 1), 1e-6);
        using var probe = LinearProbe.Fit(rows, labels);
        Calibration.Evaluate(probe.Probabilities(rows), labels).Accuracy.Should().Be(probe.Evaluate(rows, labels).Accuracy);
        RetrievalTests.Refuses(() => classifier.Score(rows, temperature: 0), "temperature", "positive");
    }

    [Fact]
    public void Refuses_what_is_no_probability()
    {
        using var scope = NewDisposeScope();
        var labels = zeros(2, dtype: ScalarType.Int64);
        void Of(Tensor probabilities, Tensor of, int bins = 15) => Calibration.Evaluate(probabilities, of, bins);
        RetrievalTests.Refuses(() => Of(null!, labels), "probabilities");
        RetrievalTests.Refuses(() => Of(ones(2, 2), labels), "probabilities", "add up to 1", "row 0");
        RetrievalTests.Refuses(() => Of(tensor(new[,] { { 1.5, -0.5 }, { 1, 0 } }), labels), "probabilities", "1.5 in row 0");
        RetrievalTests.Refuses(() => Of(eye(2), labels.add(2)), "labels", "0 to 1", "2 at 0");
        RetrievalTests.Refuses(() => Of(eye(2), zeros(3, dtype: ScalarType.Int64)), "labels", "(2)", "(3)");
        RetrievalTests.Refuses(() => Of(eye(2), labels, 0), "bins", "at least 1");
    }
}
