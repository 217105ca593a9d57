using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive.Modality;

/// <summary>The cross-entropy of rows that belong to one of a few classes, checked.</summary>
internal static class ClassCrossEntropy
{
    /// <param name="logits">(P, classes).</param>
    /// <param name="labels">(P) integers from 0 to classes - 1.</param>
    /// <param name="classes">How many columns the logits have.</param>
    /// <param name="columns">What they are, for whoever gave others.</param>
    /// <param name="reduction">None gives (P).</param>
    public static Tensor Of(Tensor logits, Tensor labels, long classes, string columns, nn.Reduction reduction)
    {
        Guard.Features(logits);
        if (logits.shape[1] != classes)
            throw new ArgumentException($"logits must have {classes} columns ({columns}) but have the shape {Guard.Shape(logits)}", nameof(logits));
        var rows = logits.shape[0];
        Guard.Integers(labels, rows);
        Guard.SameDevice(logits, labels);
        using var scope = NewDisposeScope();
        var wanted = labels.to(ScalarType.Int64);
        CheckClasses(wanted, classes, nameof(labels));
        // The mean of nothing is 0 here, not NaN: all rows of a batch may have been skipped.
        if (rows == 0 && reduction == nn.Reduction.Mean) reduction = nn.Reduction.Sum;
        return nn.functional.cross_entropy(UnitRows.Widen(logits), wanted, reduction: reduction).MoveToOuterDisposeScope();
    }

    /// <summary>Refuses labels that are no classes. Waits for the device.</summary>
    public static void CheckClasses(Tensor labels, long classes, string name)
    {
        using var scope = NewDisposeScope();
        using var end = classes.ToScalar();
        var wrong = labels.lt(Scalars.ZeroIndex).logical_or(labels.ge(end));
        if (!wrong.any().item<bool>()) return;
        var at = wrong.nonzero()[0, 0].item<long>();
        throw new ArgumentException($"{name} must lie in [0, {classes - 1}] but {name}[{at}] is {labels[at].item<long>()}", name);
    }
}
