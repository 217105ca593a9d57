namespace Contrastive.Samples.ShapesClip.Training;

/// <summary>
/// Data sets by seed, drawn once and shared by the runs of a seed. The runs come seed by seed, so a set that nobody uses
/// goes when another is asked for.
/// </summary>
internal sealed class SharedData<TData>(Func<long, TData> draw) : IDisposable
    where TData : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, Entry> _entries = [];

    private sealed class Entry(Lazy<TData> data)
    {
        public Lazy<TData> Data { get; } = data;

        public int Users { get; set; }
    }

    public T With<T>(long seed, Func<TData, T> use)
    {
        var entry = Take(seed);
        try
        {
            return use(entry.Data.Value);
        }
        finally
        {
            lock (_gate)
                entry.Users--;
        }
    }

    public void Dispose()
    {
        foreach (var seed in _entries.Keys.ToArray())
            Drop(seed);
    }

    private Entry Take(long seed)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(seed, out var entry))
            {
                foreach (var idle in _entries.Where(other => other.Value.Users == 0).Select(other => other.Key).ToArray())
                    Drop(idle);
                _entries[seed] = entry = new Entry(new Lazy<TData>(() => draw(seed)));
            }

            entry.Users++;
            return entry;
        }
    }

    private void Drop(long seed)
    {
        if (_entries.Remove(seed, out var entry) && entry.Data.IsValueCreated)
            entry.Data.Value.Dispose();
    }
}
