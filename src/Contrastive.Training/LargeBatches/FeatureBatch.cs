using Contrastive.Numerics;
using static TorchSharp.torch;

namespace Contrastive.Training;

/// <summary>The features of a whole batch, one tensor a tower, put together from micro-batches. No graph.</summary>
internal sealed class FeatureBatch
{
    private readonly Tower[] _towers;

    /// <summary>Makes room for what all micro-batches will bring, given the first. It belongs to the surrounding dispose scope.</summary>
    /// <param name="count">The items of the batch.</param>
    /// <param name="part">The first micro-batch.</param>
    /// <param name="features">Its features, with their graph: it shows which towers learn.</param>
    public FeatureBatch(long count, MicroBatch part, Tensor[] features)
    {
        CheckFirst(part, features);
        _towers = [.. features.Select(tensor => new Tower(count, part, tensor))];
    }

    /// <summary>Refuses features that no batch can be made of.</summary>
    public static void CheckFirst(MicroBatch part, Tensor[] features)
    {
        if (features is not { Length: > 0 }) throw new ArgumentException($"encode gave no features for {part}");
        for (var k = 0; k < features.Length; k++)
        {
            var name = CheckPresent(part, features[k], k);
            Guard.Floating(features[k], name);
            if (features[k].dim() == 0 || features[k].shape[0] == 0 || features[k].shape[0] % part.Count != 0)
                throw new ArgumentException(
                    $"{name} must have {part.Count} rows, or as many times a whole number, but are of the shape {Guard.Shape(features[k])}");
        }
    }

    /// <summary>The features of each tower, (rows, …).</summary>
    public Tensor[] Features => [.. _towers.Select(tower => tower.Rows)];

    /// <summary>Whether a gradient by each tower's features goes anywhere.</summary>
    public bool[] Learns => [.. _towers.Select(tower => tower.Learns)];

    /// <summary>Puts a micro-batch in its place.</summary>
    public void Set(MicroBatch part, Tensor[] features)
    {
        Check(part, features);
        using var constant = no_grad();
        for (var k = 0; k < _towers.Length; k++) _towers[k].Of(_towers[k].Rows, part).copy_(features[k]);
    }

    /// <summary>Which rows of a tower are a micro-batch's.</summary>
    public (long First, long Count) RangeOf(int tower, MicroBatch part) => _towers[tower].RangeOf(part);

    /// <summary>The rows of a micro-batch in a tensor that has one row for each row of a tower's features.</summary>
    public Tensor RowsOf(Tensor rows, int tower, MicroBatch part) => _towers[tower].Of(rows, part);

    /// <summary>Refuses features that are not those that the first pass saw.</summary>
    /// <remarks>
    /// Their gradients would be of features that never were. Half of the digits have to agree: on some devices sums are in no
    /// fixed order. Waits for the device.
    /// </remarks>
    public void CheckSame(MicroBatch part, Tensor[] features)
    {
        Check(part, features);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        for (var k = 0; k < _towers.Length; k++)
        {
            var before = _towers[k].Of(_towers[k].Rows, part);
            var size = Norm(before);
            var difference = Norm(before.sub(features[k].detach()));
            if (difference <= Tolerance(before.dtype) * size || double.IsNaN(difference)) continue;
            throw new InvalidOperationException(
                $"encode gave other features for {part} than the first time (tower {k} differs by {difference / size:G3} of its length): it must give "
                + "the same for the same state of the generators; pass the generators and the modules with buffers that it uses, and let nothing else draw from torch's own generator meanwhile");
        }
    }

    private static double Norm(Tensor tensor)
        => UnitRows.Widen(tensor).reshape(-1).norm().to(ScalarType.Float64).item<double>();

    private static double Tolerance(ScalarType type) => type switch
    {
        ScalarType.Float64 => 1e-8,
        ScalarType.Float32 => 3e-4,
        ScalarType.Float16 => 2e-2,
        _ => 6e-2,
    };

    private void Check(MicroBatch part, Tensor[] features)
    {
        if (features is null || features.Length != _towers.Length)
            throw new ArgumentException(
                $"encode gave the features of {features?.Length ?? 0} towers for {part} but of {_towers.Length} for the first micro-batch");
        for (var k = 0; k < _towers.Length; k++) _towers[k].Check(part, features[k], CheckPresent(part, features[k], k));
    }

    private static string CheckPresent(MicroBatch part, Tensor features, int tower)
        => features is not null
            ? $"the features of tower {tower} for {part}"
            : throw new ArgumentException($"encode gave null as the features of tower {tower} for {part}");

    /// <summary>One matrix of features, or one tensor of more dimensions.</summary>
    private sealed class Tower(long count, MicroBatch first, Tensor features)
    {
        private readonly long _rowsPerItem = features.shape[0] / first.Count;

        public Tensor Rows { get; } = Workspace.Empty(
            [features.shape[0] / first.Count * count, .. features.shape[1..]], features.dtype, features.device);

        public bool Learns { get; } = features.requires_grad;

        public (long First, long Count) RangeOf(MicroBatch part) => (part.First * _rowsPerItem, part.Count * _rowsPerItem);

        public Tensor Of(Tensor rows, MicroBatch part) => rows.narrow(0, part.First * _rowsPerItem, part.Count * _rowsPerItem);

        public void Check(MicroBatch part, Tensor features, string name)
        {
            long[] expected = [part.Count * _rowsPerItem, .. Rows.shape[1..]];
            if (!features.shape.AsSpan().SequenceEqual(expected))
                throw new ArgumentException(
                    $"{name} must have the shape ({string.Join(", ", expected)}) to go with the first micro-batch's but have {Guard.Shape(features)}");
            if (features.dtype != Rows.dtype)
                throw new ArgumentException($"{name} are {features.dtype} but those of the first micro-batch are {Rows.dtype}");
            Guard.SameDevice(features, Rows, name, "those of the first micro-batch");
        }
    }
}
