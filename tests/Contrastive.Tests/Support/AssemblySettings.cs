// Tests count tensors and share torch's global state: one at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
