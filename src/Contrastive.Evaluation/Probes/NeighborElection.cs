using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Contrastive.Evaluation;

/// <summary>The vote of the nearest neighbours; see <see cref="NearestNeighborProbe"/>.</summary>
/// <param name="classOfRow">The class of each training row.</param>
/// <param name="sharpness">Votes weigh exp(sharpness · similarity); 0 for a majority.</param>
internal sealed class NeighborElection(long[] classOfRow, double sharpness)
{
    // Infinity times a difference of 0 would be NaN; this much is as good.
    private readonly double _sharpness = Math.Min(sharpness, 1e30);

    // Where features collapse, all queries of a class have one and the same election.
    private readonly ConcurrentDictionary<string, double> _drawn = new();

    /// <summary>How right the vote of the k nearest is, from 0 to 1: the expected value where rows or classes tie.</summary>
    /// <param name="near">The neighbours, k of them at least.</param>
    /// <param name="k">How many vote.</param>
    /// <param name="expected">The class the query has; -1 is never right.</param>
    public double Hit(Neighbors near, int k, long expected)
    {
        k = Math.Min(k, near.Asked);
        if (expected < 0 || k == 0)
            return 0;
        double[] scores = near.Scores, slack = near.Slack;
        double last = scores[k - 1], lastSlack = slack[k - 1], widest = 0;
        var byClass = new Dictionary<long, (double Votes, int Tied)>(k);
        int seats = k, tied = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            bool above = scores[i] - slack[i] > last + lastSlack;
            if (!above && scores[i] + slack[i] < last - lastSlack)
                continue;
            widest = Math.Max(widest, slack[i]);
            ref var own = ref CollectionsMarshal.GetValueRefOrAddDefault(byClass, classOfRow[near.Rows[i]], out _);
            if (above)
            {
                own.Votes += Math.Exp((scores[i] - scores[0]) * _sharpness);
                seats--;
            }
            else
            {
                own.Tied++;
                tied++;
            }
        }

        if (!byClass.Remove(expected, out var mine))
            return 0;
        // Each weight is off by the factor exp(sharpness · tolerance), and their sum of k terms by k roundings more.
        double closeness = (widest * 4 * _sharpness) + (k * RowScores.Epsilon(torch.ScalarType.Float64));
        // All tied rows are equally similar.
        double weight = Math.Exp((last - scores[0]) * _sharpness);
        if (seats == tied)
            return Share(mine.Votes + (mine.Tied * weight), byClass.Values, weight, closeness);
        var election = new TiedSeats(mine, [.. byClass.Values], seats, weight, closeness);
        return _drawn.GetOrAdd(election.Key(), _ => election.ExpectedHit());
    }

    /// <summary>The share of the largest vote that a class has where all tied rows have a seat: nothing is left to chance.</summary>
    private static double Share(double votes, IEnumerable<(double Votes, int Tied)> others, double weight, double closeness)
    {
        double high = votes * Math.Exp(closeness), low = votes * Math.Exp(-closeness);
        int equal = 1;
        foreach (var other in others)
        {
            double sum = other.Votes + (other.Tied * weight);
            if (sum > high)
                return 0;
            equal += sum >= low ? 1 : 0;
        }

        return votes > 0 ? 1.0 / equal : 0;
    }
}

/// <summary>
/// One query's vote where more training rows tie for the last seats among the neighbours than there are seats: any choice of them
/// is as likely, and so the seats that the classes get follow the multivariate hypergeometric distribution.
/// </summary>
/// <param name="own">The votes that the query's class has for certain, and how many of its rows tie for a seat.</param>
/// <param name="others">The same of the other classes that have either.</param>
/// <param name="seats">How many of the tied rows vote: from 1 to all.</param>
/// <param name="weight">What each of their votes counts.</param>
/// <param name="closeness">How far apart the logarithms of two equal sums of votes may lie.</param>
internal sealed class TiedSeats(
    (double Votes, int Tied) own, IReadOnlyList<(double Votes, int Tied)> others, int seats, double weight, double closeness)
{
    /// <summary>Chances below it do not show in a double.</summary>
    private const double Negligible = 1e-17;

    /// <summary>Nor do these, in a sum of all that are dropped.</summary>
    private const double Dropped = 1e-24;

    private readonly int _otherTied = others.Sum(other => other.Tied);

    /// <summary>The chance that the class has most votes, by its share where it has them with others.</summary>
    public double ExpectedHit()
    {
        double hit = 0;
        double[] chances = Hypergeometric(own.Tied, own.Tied + _otherTied, seats);
        for (int taken = 0; taken < chances.Length; taken++)
        {
            double chance = chances[taken];
            double votes = own.Votes + (taken * weight);
            if (chance > Negligible && votes > 0)
                hit += chance * Share(votes, seats - taken);
        }

        return hit;
    }

    /// <summary>What the result depends on: the same for the same, whatever the order of the classes.</summary>
    public string Key()
    {
        double[] numbers =
        [
            own.Votes, own.Tied, seats, weight, closeness,
            .. others.Order().SelectMany(other => (double[])[other.Votes, other.Tied]),
        ];
        return Convert.ToBase64String(MemoryMarshal.AsBytes(numbers.AsSpan()));
    }

    /// <summary>The expected 1/(1 + classes with as many votes), 0 where one has more, when the others share so many seats.</summary>
    private double Share(double votes, int left)
    {
        // Independent binomial numbers of seats, given their sum, are hypergeometric, whatever their common probability.
        double probability = _otherTied == 0 ? 0 : left / (double)_otherTied;
        // How many classes have as many votes, and how likely each number of seats taken so far is then.
        List<SeatChances> byEqual = [new(left)];
        byEqual[0].Start();
        double high = votes * Math.Exp(closeness), low = votes * Math.Exp(-closeness);
        foreach (var (certain, tied) in others)
        {
            if (certain > high)
                return 0;
            double[] ofTaken = Binomial(tied, probability, Math.Min(tied, left));
            int end = ofTaken.Length;
            while (end > 1 && ofTaken[end - 1] < Negligible)
                end--;
            int firstEqual = end, firstAbove = end;
            for (int taken = end - 1; taken >= 0; taken--)
            {
                double sum = certain + (taken * weight);
                firstAbove = sum > high ? taken : firstAbove;
                firstEqual = sum >= low && sum > 0 ? taken : firstEqual;
            }

            if (firstEqual < firstAbove && !byEqual[^1].IsEmpty)
                byEqual.Add(new SeatChances(left));
            // From the last, as each takes in what was in the one before.
            for (int equal = byEqual.Count - 1; equal >= 0; equal--)
                byEqual[equal].Add(ofTaken.AsSpan(0, firstAbove), Math.Min(firstEqual, firstAbove), equal > 0 ? byEqual[equal - 1] : null);
        }

        return byEqual.Select((chances, equal) => chances[left] / (1 + equal)).Sum() / Binomial(_otherTied, probability, left)[left];
    }

    /// <summary>The chances that 0, 1, …, of <paramref name="seats"/> seats go to <paramref name="rows"/> of so many rows in all.</summary>
    private static double[] Hypergeometric(int rows, int all, int seats)
    {
        int most = Math.Min(rows, seats);
        return seats == all
            ? [.. new double[most], 1]
            : Distribution(
                Math.Max(0, seats - (all - rows)),
                most,
                (int)((seats + 1.0) * (rows + 1.0) / (all + 2.0)),
                most,
                i => (rows - i) * (double)(seats - i) / ((i + 1.0) * (all - rows - seats + i + 1.0)));
    }

    /// <summary>The chances of 0, 1, …, <paramref name="most"/> of so many rows, each with one probability.</summary>
    private static double[] Binomial(int rows, double probability, int most) => probability switch
    {
        0 => [1, .. new double[most]],
        1 => most == rows ? [.. new double[most], 1] : new double[most + 1],
        _ => Distribution(
            0, rows, (int)((rows + 1) * probability), most, i => (rows - i) / (i + 1.0) * probability / (1 - probability)),
    };

    /// <summary>
    /// A distribution on low, …, high from the ratio of each chance to the one before, up and down from the mode to where nothing
    /// counts: no factorial, no overflow. The first <paramref name="most"/> + 1 of its chances.
    /// </summary>
    private static double[] Distribution(int low, int high, int mode, int most, Func<int, double> ratio)
    {
        mode = Math.Clamp(mode, low, high);
        double[] chances = new double[most + 1];
        double sum = 0;
        void Set(int i, double chance)
        {
            sum += chance;
            if (i <= most)
                chances[i] = chance;
        }

        Set(mode, 1);
        double up = 1, down = 1;
        for (int i = mode; i < high && up > Negligible; i++)
            Set(i + 1, up *= ratio(i));
        for (int i = mode - 1; i >= low && down > Negligible; i--)
            Set(i, down /= ratio(i));
        return [.. chances.Select(chance => chance / sum)];
    }

    /// <summary>The chances of 0, 1, … seats taken, of which only those between two bounds count.</summary>
    private sealed class SeatChances(int left)
    {
        private readonly double[] _chances = new double[left + 1];
        private int _low;
        private int _high = -1;

        public bool IsEmpty => _low > _high;

        public double this[int seats] => _chances[seats];

        /// <summary>None is taken.</summary>
        public void Start() => (_chances[0], _low, _high) = (1, 0, 0);

        /// <summary>Adds a class: up to <paramref name="firstEqual"/> seats it leaves things as they are, from there on it makes one more equal.</summary>
        /// <param name="ofTaken">The chances of its seats.</param>
        /// <param name="firstEqual">The first number of seats that makes it equal.</param>
        /// <param name="before">The chances where one class less is equal.</param>
        public void Add(ReadOnlySpan<double> ofTaken, int firstEqual, SeatChances? before)
        {
            var (low, high) = (int.MaxValue, -1);
            if (!IsEmpty && firstEqual > 0)
                (low, high) = (_low, _high + firstEqual - 1);
            if (before is { IsEmpty: false } && firstEqual < ofTaken.Length)
                (low, high) = (Math.Min(low, before._low + firstEqual), Math.Max(high, before._high + ofTaken.Length - 1));
            high = Math.Min(high, left);
            // Downwards, as each reads what was below it.
            for (int seats = Math.Max(high, _high); seats >= Math.Min(low, _low) && seats >= 0; seats--)
            {
                double sum = 0;
                for (int taken = Math.Max(0, seats - _high); taken < firstEqual && seats - taken >= _low; taken++)
                    sum += _chances[seats - taken] * ofTaken[taken];
                if (before is not null)
                {
                    for (int taken = Math.Max(firstEqual, seats - before._high); taken < ofTaken.Length && seats - taken >= before._low; taken++)
                        sum += before._chances[seats - taken] * ofTaken[taken];
                }

                _chances[seats] = sum;
            }

            (_low, _high) = (low, high);
            while (!IsEmpty && _chances[_high] < Dropped)
                _chances[_high--] = 0;
            while (!IsEmpty && _chances[_low] < Dropped)
                _chances[_low++] = 0;
            if (IsEmpty)
                (_low, _high) = (0, -1);
        }
    }
}
