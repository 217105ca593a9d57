// The examples write to the console, which is captured, and share torch's global state: one at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
