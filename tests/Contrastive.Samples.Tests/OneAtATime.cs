// The tests train on all cores and count the tensors of the process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
