using Contrastive.Benchmarks;

return BenchmarkProgram.Run(args);
