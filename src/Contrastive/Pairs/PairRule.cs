using Contrastive.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Contrastive;

/// <summary>A yes-or-no question about pairs, answered for any block of the anchors × candidates matrix.</summary>
/// <remarks>Rules are evaluated a block at a time, so that no question needs the whole matrix in memory.</remarks>
internal abstract record PairRule
{
    /// <summary>Bool, (block.Anchors, block.Candidates).</summary>
    public abstract Tensor Evaluate(PairBlock block, Device device);

    public abstract PairRule Transpose();

    /// <summary>The diagonals j - i that the pairs lie on, where the rule is made of whole ones; null otherwise.</summary>
    public virtual long[]? Diagonals => null;

    /// <summary>All pairs of the rule that are not on some diagonals, where they are few and can be listed; null otherwise.</summary>
    public virtual PairList? FewPairs(IReadOnlyCollection<long> diagonals) => null;

    /// <summary>Whether the rule is known to say the same of (i, j) and (j, i).</summary>
    public abstract bool IsSymmetric { get; }

    /// <summary>The tensors the rule reads, each with the name of the argument that brought it.</summary>
    public virtual IEnumerable<(Tensor Tensor, string Name)> Sources => [];

    protected static Tensor Column(long start, long count, Device device)
        => TensorArithmetic.Range(start, count, device).unsqueeze(1);

    protected static Tensor Row(long start, long count, Device device)
        => TensorArithmetic.Range(start, count, device).unsqueeze(0);
}

/// <summary>Candidate j belongs to anchor i where j - i = offset.</summary>
internal sealed record DiagonalRule(long Offset = 0) : PairRule
{
    public override Tensor Evaluate(PairBlock block, Device device)
        => Row(block.FirstCandidate, block.Candidates, device)
            .eq(Column(block.FirstAnchor + Offset, block.Anchors, device));

    public override PairRule Transpose() => new DiagonalRule(-Offset);

    public override long[] Diagonals => [Offset];

    public override bool IsSymmetric => Offset == 0;
}

/// <summary>Two views stacked: row i of the first n belongs to row i of the second n, either way.</summary>
internal sealed record TwoViewsRule(long Count) : PairRule
{
    public override Tensor Evaluate(PairBlock block, Device device)
    {
        using var distance = Count.ToScalar();
        return Row(block.FirstCandidate, block.Candidates, device)
            .sub(Column(block.FirstAnchor, block.Anchors, device)).abs().eq(distance);
    }

    public override PairRule Transpose() => this;

    public override long[] Diagonals => [Count, -Count];

    public override bool IsSymmetric => true;
}

/// <summary>No pair.</summary>
internal sealed record NoRule : PairRule
{
    public override Tensor Evaluate(PairBlock block, Device device)
        => zeros(block.Anchors, block.Candidates, dtype: ScalarType.Bool, device: device);

    public override PairRule Transpose() => this;

    public override long[] Diagonals => [];

    public override bool IsSymmetric => true;
}

/// <summary>Pairs whose values (labels, sample ids) are equal.</summary>
internal sealed record EqualityRule(Tensor Anchors, Tensor Candidates, string AnchorName, string CandidateName) : PairRule
{
    public override Tensor Evaluate(PairBlock block, Device device)
        => Anchors.narrow(0, block.FirstAnchor, block.Anchors).unsqueeze(1)
            .eq(Candidates.narrow(0, block.FirstCandidate, block.Candidates).unsqueeze(0));

    public override PairRule Transpose() => new EqualityRule(Candidates, Anchors, CandidateName, AnchorName);

    public override bool IsSymmetric => ReferenceEquals(Anchors, Candidates);

    public override PairList? FewPairs(IReadOnlyCollection<long> diagonals) => PairList.OfEqual(Anchors, Candidates, diagonals);

    public override IEnumerable<(Tensor, string)> Sources => [(Anchors, AnchorName), (Candidates, CandidateName)];
}

/// <summary>Pairs that are true in a mask, which is stored for anchors × candidates or, transposed, for candidates × anchors.</summary>
internal sealed record MaskRule(Tensor Mask, bool Transposed, string Name) : PairRule
{
    public override Tensor Evaluate(PairBlock block, Device device)
    {
        var stored = Transposed ? block.Transpose() : block;
        var part = Mask.narrow(0, stored.FirstAnchor, stored.Anchors).narrow(1, stored.FirstCandidate, stored.Candidates);
        return Transposed ? part.t() : part;
    }

    public override PairRule Transpose() => this with { Transposed = !Transposed };

    // To find out would be a pass over all pairs.
    public override bool IsSymmetric => false;

    public override IEnumerable<(Tensor, string)> Sources => [(Mask, Name)];
}

/// <summary>Pairs with a target probability above 0, stored like a mask.</summary>
internal sealed record TargetRule(Tensor Targets, bool Transposed, string Name) : PairRule
{
    public override Tensor Evaluate(PairBlock block, Device device)
    {
        var stored = Transposed ? block.Transpose() : block;
        var part = stored.AnchorsOf(Targets.detach()).narrow(1, stored.FirstCandidate, stored.Candidates).gt(Scalars.Zero);
        return Transposed ? part.t() : part;
    }

    public override PairRule Transpose() => this with { Transposed = !Transposed };

    // To find out would be a pass over all pairs.
    public override bool IsSymmetric => false;

    public override IEnumerable<(Tensor, string)> Sources => [(Targets, Name)];
}

/// <summary>Pairs for which either rule says yes.</summary>
internal sealed record EitherRule(PairRule First, PairRule Second) : PairRule
{
    public override Tensor Evaluate(PairBlock block, Device device)
        => First.Evaluate(block, device).logical_or(Second.Evaluate(block, device));

    public override PairRule Transpose() => new EitherRule(First.Transpose(), Second.Transpose());

    public override bool IsSymmetric => First.IsSymmetric && Second.IsSymmetric;

    public override PairList? FewPairs(IReadOnlyCollection<long> diagonals)
        => First.FewPairs(diagonals) is { } first && Second.FewPairs(diagonals) is { } second ? first.And(second) : null;

    public override IEnumerable<(Tensor, string)> Sources => First.Sources.Concat(Second.Sources);
}
