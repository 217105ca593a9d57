namespace Contrastive.Samples.ImageSearch.Data;

/// <summary>The items to train on and those to be scored on, each as its pictures' numbers.</summary>
internal sealed record Split(IReadOnlyList<int[]> Train, IReadOnlyList<int[]> Scored)
{
    /// <summary>Retrieval among fewer says nothing.</summary>
    private const int FewestHeldOut = 2;

    /// <summary>
    /// The test items are the same for all seeds. Step sizes are chosen on validation items, which are then held out of training as well;
    /// a run that is scored on test items trains on them.
    /// </summary>
    /// <param name="items">All items.</param>
    /// <param name="settings">The shares.</param>
    /// <exception cref="UserError">There are too few items.</exception>
    public static Split Of(IReadOnlyList<int[]> items, SearchSettings settings)
    {
        int[][] order = [.. items];
        new Random((int)settings.SplitSeed).Shuffle(order);
        var test = Math.Max(FewestHeldOut, (int)Math.Round(settings.TestShare * order.Length));
        var validation = Math.Max(FewestHeldOut, (int)Math.Round(settings.ValidationShare * order.Length));
        if (order.Length - test - validation < 2)
            throw new UserError($"{order.Length} items with captions are too few: {test} are for testing, {validation} for validation, and at least 2 must be left");
        return settings.Validation
            ? new Split(order[(test + validation)..], order[test..(test + validation)])
            : new Split(order[test..], order[..test]);
    }
}
